"""The reference of every option, in Markdown; ``docs/configuration.md`` is what this module prints."""

import sys
from collections.abc import Iterator

from glimpse.config.declare import Option, Section
from glimpse.config.options.stores import DRIVERS
from glimpse.config.settings import SECTION_TYPES, section_name

INTRODUCTION = """\
# Configuration

<!-- Generated: python -m glimpse.config.reference > docs/configuration.md -->

Without any file, Glimpse runs with what suits a laptop: two file stores, `main` and `mirror`, a SQLite
database and a staging directory, all under `--data DIR` (`./glimpse-data`), and the plugins
`image_decompression` and `image_conversion`. With files, the defaults below hold, and `<data>` is that
directory.

Glimpse reads the files of an existing Glance installation:

    glimpse serve --config-file /etc/glance/glance-image-import.conf --config-file /etc/glance/glance-api.conf
    glance-api --config-dir /etc/glance/glance.conf.d

- Files are read in the order given, then the `*.conf` files of each directory in the order of their names;
  what is read later wins. An environment variable `OS_<SECTION>__<OPTION>`, for example
  `OS_DEFAULT__BIND_PORT`, wins over the files, and the command line over everything.
- Lists are written with or without brackets, their items with or without quotes: `a, b`, `[a, b]` and
  `['a', "b"]` are the same. So are pairs: `k:v, k2:v2` and `"k":"v","k2":"v2"`. In quotes, a comma is a
  comma.
- A value that cannot be right stops the start with one line that names file, line, section and option.
- Options that are unknown or mean nothing here are ignored; one warning names all of them.

## Stores

Several stores are named in `enabled_backends`, and each has a section of its own:

    [DEFAULT]
    enabled_backends = fast:file, archive:file

    [glance_store]
    default_backend = fast

    [fast]
    filesystem_store_datadir = /srv/fast
    store_description = NVMe
    weight = 10

    [archive]
    filesystem_store_datadir = /srv/archive

    [os_glance_staging_store]
    filesystem_store_datadir = /srv/staging

One store can also be configured in the older way, without `enabled_backends`; it is then called `file`:

    [DEFAULT]
    node_staging_uri = file:///srv/staging

    [glance_store]
    filesystem_store_datadir = /srv/images
"""


def reference() -> str:
    """The page."""
    lines = [INTRODUCTION]
    for name, section in SECTION_TYPES.items():
        lines += [f"## [{section_name(name)}]", "", *_section(section)]
    for type, driver in DRIVERS.items():
        lines += [f"## Sections of stores of type {type}", "", *_section(driver)]
    return "\n".join(lines).rstrip() + "\n"


def _section(section: type[Section]) -> Iterator[str]:
    yield from [" ".join((section.__doc__ or "").split()), ""]
    yield from ["| Option | Should be | Default | Meaning |", "|---|---|---|---|"]
    for option in section.declared:
        default = f"`{option.shown_default}`" if option.shown_default else "–"
        yield f"| `{option.name}` | {option.kind.wanted} | {default} | {_meaning(option)} |"
    yield ""


def _meaning(option: Option) -> str:
    parts = [option.help]
    if option.multi:
        parts.append("May be given several times.")
    if option.secret:
        parts.append("Never shown in logs.")
    if option.aliases:
        names = ", ".join(f"`[{alias.section}] {alias.name}`" for alias in option.aliases)
        parts.append(f"Also read from {names}.")
    return " ".join(parts).replace("<", "&lt;").replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(reference())
