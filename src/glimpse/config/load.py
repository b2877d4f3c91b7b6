"""From files, overrides and defaults to settings."""

import dataclasses
import hashlib
import socket
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from glimpse.config import files as config_files
from glimpse.config import origins, stores
from glimpse.config.files import fold
from glimpse.config.ignored import ignored
from glimpse.config.options.database import Database
from glimpse.config.options.default import Default
from glimpse.config.settings import SECTION_TYPES, Settings, section_name
from glimpse.config.share import share
from glimpse.config.values import Values

# What holds where no file is given: enough for a laptop. Everything else is the same with and without files.
EMBEDDED: Mapping[tuple[str, str], object] = {
    ("DEFAULT", "enabled_backends"): {"main": "file", "mirror": "file"},
    ("glance_store", "default_backend"): "main",
    ("image_import_opts", "image_import_plugins"): ["image_decompression", "image_conversion"],
    ("key_manager", "backend"): "directory",
}


def load(
    files: Sequence[Path] = (),
    dirs: Sequence[Path] = (),
    data: Path | None = None,
    overrides: Mapping[str, object] = MappingProxyType({}),
) -> Settings:
    """Read a configuration: the files in their order, then each directory's ``*.conf`` by name; later wins.

    ``overrides`` ("section.option" to value) win over the files. Whatever has a path and is given none lies
    under ``data`` (``./glimpse-data``). The same files are given to oslo.config's global ``CONF``, for
    libraries and plugins that look there. Raises ConfigError.
    """
    data = (data or Path("glimpse-data")).absolute()
    values = Values(config_files.read(files, dirs))
    for name, section in SECTION_TYPES.items():
        values.declare(section_name(name), section)
    if not files and not dirs:
        for (place, option), value in EMBEDDED.items():
            values.default(place, option, value)
    told = {_parts(key): value for key, value in overrides.items()}
    _override(values, {key: told[key] for key in told if fold(key[0]) in values.known})
    default = values.section("DEFAULT", Default)
    stores.declare(values, default)
    named = origins.declare(values, {section for section, _ in told})
    _override(values, {key: told[key] for key in told if not values.overridden(*key)})
    sections: dict[str, Any] = {
        name: values.section(section_name(name), section) for name, section in SECTION_TYPES.items()
    }
    where = stores.places(values, default, sections["glance_store"], data)
    sections |= {"default": _checked(values, default), "database": _placed(sections["database"], data)}
    share(values.files.paths, dirs, told)
    return Settings(
        **sections,
        data=data,
        stores=where.stores,
        default_store=where.default_store,
        multi_store=where.multi_store,
        staging_dir=where.staging_dir,
        host_id=default.worker_self_reference_url or default.public_endpoint or socket.gethostname(),
        import_enabled=default.enable_image_import,
        unread=partial(ignored, values, where.multi_store),
        search_path=_search_path(files, dirs),
        origins=origins.rules(values, named, sections["cors"]),
    )


def _parts(key: str) -> tuple[str, str]:
    place, _, option = key.rpartition(".")
    return ("DEFAULT" if place in ("", "default") else place), option


def _override(values: Values, told: Mapping[tuple[str, str], object]) -> None:
    for (place, option), value in told.items():
        values.override(place, option, value)


def _checked(values: Values, default: Default) -> Default:
    """The section with what cannot be told of one option alone made sure. Raises ConfigError."""
    name = default.hashing_algorithm
    if name not in hashlib.algorithms_available or hashlib.new(name).digest_size == 0:
        values.fail("DEFAULT", "hashing_algorithm", f"is {name}, which Python's hashlib does not offer")
    return dataclasses.replace(default, workers=max(1, default.workers))


def _placed(database: Database, data: Path) -> Database:
    """The section with the database that is used where none is named."""
    return dataclasses.replace(database, connection=database.connection or f"sqlite:///{data / 'glimpse.db'}")


def _search_path(files: Sequence[Path], dirs: Sequence[Path]) -> tuple[Path, ...]:
    """The directories of the configuration, those read last first."""
    places = [Path(file).absolute().parent for file in files] + [Path(place).absolute() for place in dirs]
    return tuple(dict.fromkeys(reversed(places)))
