"""From the options of a configuration to its stores and its staging directory."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from glimpse.config.options.default import Default
from glimpse.config.options.glimpse import Glimpse
from glimpse.config.options.imports import ImportFilteringOpts
from glimpse.config.options.stores import (
    DRIVERS,
    READ_ONLY,
    FileStore,
    GlanceStore,
    HttpStore,
    OsGlanceStagingStore,
)
from glimpse.config.settings import SECTION_TYPES, StoreSettings
from glimpse.config.values import Values

COMMON = ("store_description", "weight")
# What a store that fetches is told besides: its driver knows nothing of other sections.
FETCHING = ("web_connect_timeout", "web_stall_timeout", "web_minimum_speed", "web_user_agent")


@dataclass(frozen=True)
class Places:
    """The stores, and where uploads wait."""

    stores: tuple[StoreSettings, ...]
    default_store: str
    multi_store: bool
    staging_dir: Path


def places(values: Values, default: Default, glance_store: GlanceStore, data: Path) -> Places:
    """Work out the stores of either way of configuring them. Raises ConfigError."""
    multi = bool(default.enabled_backends)
    types = _several(values, default) if multi else _one(values, glance_store)
    stores = tuple(
        _store(values, id, type, id if multi else "glance_store", data) for id, type in types.items()
    )
    staging = _staging_store(values, data) if multi else _staging_uri(values, default, data)
    _apart(values, stores, staging, multi)
    return Places(stores, _default(values, default, glance_store) if multi else stores[0].id, multi, staging)


def declare(values: Values, default: Default) -> None:
    """Make the options of the stores known, as far as their types are."""
    if not default.enabled_backends:
        for driver in DRIVERS.values():
            values.declare("glance_store", driver)
    for id, type in default.enabled_backends.items():
        if type in DRIVERS and not _reserved(id):
            values.declare(id, DRIVERS[type])


def _reserved(id: str) -> bool:
    return (
        id.startswith("os_glance_")
        or id.lower() in SECTION_TYPES
        or id.lower() in (option.name for option in Default.declared)
    )


def _several(values: Values, default: Default) -> Mapping[str, str]:
    seen: set[str] = set()
    for id, type in default.enabled_backends.items():
        problem = ""
        if id.startswith("os_glance_"):
            problem = f"names {id}: names that begin with os_glance_ are reserved"
        elif _reserved(id):
            problem = f"names {id}: a store cannot be called that, [{id}] means something else"
        elif re.fullmatch(r"[\w.-]+", id) is None:
            problem = f"names {id!r}: an id is made of letters, digits, dots, dashes and underscores"
        elif id.lower() in seen:
            problem = f"names {id} twice: ids that differ only in case share a section"
        elif type not in DRIVERS:
            problem = (
                f"gives the store {id} the unknown type {type or 'nothing'} (known: {', '.join(DRIVERS)})"
            )
        if problem:
            values.fail("DEFAULT", "enabled_backends", problem)
        seen.add(id.lower())
    return default.enabled_backends


def _default(values: Values, default: Default, glance_store: GlanceStore) -> str:
    ids = ", ".join(default.enabled_backends)
    chosen = glance_store.default_backend
    if chosen is None:
        where = values.whence("DEFAULT", "enabled_backends")
        values.fail("glance_store", "default_backend", f"is missing; it should be one of {ids}", where=where)
    if chosen not in default.enabled_backends:
        values.fail("glance_store", "default_backend", f"is {chosen}; it should be one of {ids}")
    _refuse_read_only(values, "default_backend", chosen, default.enabled_backends[chosen])
    return chosen


def _one(values: Values, glance_store: GlanceStore) -> Mapping[str, str]:
    """The stores of a configuration without enabled_backends, the one to write to first; their ids are their types.

    Beside it there is only the read-only http store, which Glance has by default.
    """
    chosen = glance_store.default_store
    for name in (*glance_store.stores, chosen):
        if name not in DRIVERS and (name != "https" or name == chosen):
            option = "default_store" if name == chosen else "stores"
            values.fail(
                "glance_store", option, f"names the unknown store {name} (known: {', '.join(DRIVERS)})"
            )
    _refuse_read_only(values, "default_store", chosen, chosen)
    reading = {"http": "http"} if {"http", "https"} & set(glance_store.stores) else {}
    return {chosen: chosen, **reading}


def _refuse_read_only(values: Values, option: str, id: str, type: str) -> None:
    if type in READ_ONLY:
        values.fail("glance_store", option, f"is {id}, which is read-only: new images need another")


def _store(values: Values, id: str, type: str, section: str, data: Path) -> StoreSettings:
    driver = DRIVERS[type]
    told = values.section(section, driver)
    given: dict[str, object] = {option.name: getattr(told, option.name) for option in driver.declared}
    if isinstance(told, FileStore):
        given["filesystem_store_datadir"] = _datadir(values, section, told, data / "stores" / id)
    if isinstance(told, HttpStore):
        if told.http_proxy_information:
            values.fail(section, "http_proxy_information", "names a proxy, but connections are always direct")
        filters, own = (
            values.section("import_filtering_opts", ImportFilteringOpts),
            values.section("glimpse", Glimpse),
        )
        given |= {option.name: getattr(filters, option.name) for option in filters.declared}
        given |= {name: getattr(own, name) for name in FETCHING}
    secrets = frozenset(option.name for option in driver.declared if option.secret)
    for name in COMMON:
        del given[name]
    return StoreSettings(id, type, told.store_description, told.weight, given, secrets)


def _datadir(values: Values, section: str, told: FileStore, placed: Path) -> Path | None:
    """The directory of a file store, or None where it is given several by the other option."""
    if not told.filesystem_store_datadirs:
        return told.filesystem_store_datadir or placed
    if told.filesystem_store_datadir is not None:
        values.fail(section, "filesystem_store_datadirs", "and filesystem_store_datadir exclude each other")
    return None


def _staging_store(values: Values, data: Path) -> Path:
    told = values.section("os_glance_staging_store", OsGlanceStagingStore)
    return told.filesystem_store_datadir or data / "staging"


def _staging_uri(values: Values, default: Default, data: Path) -> Path:
    if default.node_staging_uri is None:
        return data / "staging"
    uri = urlsplit(default.node_staging_uri)
    if (
        uri.scheme != "file"
        or uri.netloc not in ("", "localhost")
        or not uri.path.startswith("/")
        or not uri.path.strip("/")
    ):
        values.fail("DEFAULT", "node_staging_uri", "should be a directory on this host, as file:///path")
    return Path(unquote(uri.path))


def _apart(values: Values, stores: tuple[StoreSettings, ...], staging: Path, multi: bool) -> None:
    """Refuse two file stores, or a store and staging, that would be one directory."""
    owners = {os.path.realpath(staging): "staging"}
    for store in stores:
        for option, directory in _directories(store):
            owner = owners.setdefault(os.path.realpath(directory), f"the store {store.id}")
            if owner != f"the store {store.id}":
                section = store.id if multi else "glance_store"
                values.fail(section, option, f"is {directory}, which already belongs to {owner}")


def _directories(store: StoreSettings) -> Iterator[tuple[str, str]]:
    """Every directory that a file store has, with the option that names it."""
    one = store.options.get("filesystem_store_datadir")
    if one is not None:
        yield "filesystem_store_datadir", str(one)
    several = store.options.get("filesystem_store_datadirs")
    for word in several if isinstance(several, tuple) else ():
        yield "filesystem_store_datadirs", re.sub(r":\d*$", "", str(word))
