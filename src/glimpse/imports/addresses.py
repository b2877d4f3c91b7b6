"""Addresses that users give: which store reads them, and what lies there."""

from __future__ import annotations

import re

from glimpse.config import Settings
from glimpse.errors import GlimpseError, Invalid
from glimpse.imports.inspection import Formats, expected_format, rules
from glimpse.stores.base import Registers, Store
from glimpse.stores.registry import Stores
from glimpse.transfer.disk.inspect import Finding, inspect_object
from glimpse.transfer.protocols import Reader, Sequential
from glimpse.transfer.sources.uri import masked

# Schemes that mean something on the service's own host or in its configuration: only the service gives them.
INTERNAL = frozenset({"file", "filesystem", "swift+config"})


def scheme(url: str) -> str:
    """What stands before ``://``, in lower case; empty where nothing does."""
    name, found, _ = url.partition("://")
    return name.lower() if found else ""


def _authority(url: str) -> str:
    """Host and port, with what stands before them."""
    return re.split(r"[/?#\\]", url.partition("://")[2], maxsplit=1)[0]


def store_for(stores: Stores, url: str, wanted: object = None) -> Store:
    """The store that reads at this address: ``wanted``, if that is the id of one that does, else the first.

    Raises Invalid where none does, or where the address may not be given, or not be read.
    """
    name = scheme(url)
    if name in INTERNAL:
        raise Invalid(f"Addresses that begin with {name}:// cannot be given.")
    able = [store for store in stores.all if isinstance(store, Registers) and name in store.schemes]
    if not able:
        raise Invalid(f"No store here reads the address {masked(url)}.")
    chosen = next((store for store in able if store.id == wanted), able[0])
    assert isinstance(chosen, Registers)
    chosen.check_url(url)
    if "@" in _authority(url):
        # A location is kept as it is, for as long as the image, and shown.
        raise Invalid(
            f"{masked(url)} has a user name or a password, which cannot be kept secret in a location.",
            hint="Give an address that needs neither, or import the data by web-download, which forgets them in the end.",
        )
    return chosen


def look(store: Store, url: str, formats: Formats, settings: Settings) -> tuple[int, Finding | None]:
    """The size of what lies there, and what it is; that is None where it can only be read as a whole.

    Reads a MiB or two. Raises what the store raises, Invalid for nothing, UnsafeImage.
    """
    reader = store.reader(url)
    try:
        if not reader.size:
            raise Invalid(f"There is no data at {masked(url)}.")
        return reader.size, _inspected(reader, formats, settings)
    finally:
        reader.close()


def reach(store: Store, url: str, formats: Formats, settings: Settings) -> tuple[int, Finding | None]:
    """As :func:`look`, for somebody who waits for the answer: whatever is wrong makes the address Invalid."""
    try:
        return look(store, url, formats, settings)
    except Invalid:
        raise
    except GlimpseError as error:
        raise Invalid(
            f"{masked(url)} cannot be the image's data: {error.message}", hint=error.hint
        ) from error


def _inspected(reader: Reader, formats: Formats, settings: Settings) -> Finding | None:
    if isinstance(reader, Sequential) and not reader.seekable:
        return None
    finding = inspect_object(reader, expected_format(formats), rules(settings))
    finding.raise_if_refused()
    return finding
