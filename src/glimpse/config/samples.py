"""The sample file: every option with its help, commented out, in the manner of oslo.config's generator."""

import textwrap
from collections.abc import Iterator

from glimpse.config.declare import Option, Section
from glimpse.config.options.stores import DRIVERS
from glimpse.config.settings import SECTION_TYPES, section_name

# What the name of the kind says already.
PLAIN = ("a text", "a path", "a list", "true or false", "a whole number", "key:value pairs")


def sample() -> str:
    """A configuration file that changes nothing as it stands."""
    lines: list[str] = []
    for name, section in SECTION_TYPES.items():
        lines += [f"[{section_name(name)}]", "", *_body(section)]
    for type, driver in DRIVERS.items():
        title = f"For each store of type {type}, a section named by its id:"
        lines += [f"# {title}", "#[id]", "", *_body(driver)]
    return "\n".join(lines).rstrip() + "\n"


def _body(section: type[Section]) -> Iterator[str]:
    for option in section.declared:
        yield from _help(option)
        for value in _values(option):
            yield f"#{option.name} = {value}".rstrip()
        yield ""


def _help(option: Option) -> Iterator[str]:
    yield from _comment(f"{option.help} ({option.kind.type_name})")
    if option.kind.wanted not in PLAIN:
        yield from _comment(f"Should be {option.kind.wanted}.")
    for alias in option.aliases:
        yield f"# Older name: [{alias.section}] {alias.name}"


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, 78, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)


def _values(option: Option) -> list[str]:
    if option.multi and isinstance(option.default, tuple):
        return [str(item) for item in option.default] or [""]
    return [option.shown_default or ("<None>" if option.default is None else "")]
