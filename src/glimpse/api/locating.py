"""Changes of an image's locations within a PATCH: what they may say, and how they are made."""

import hashlib
import string
from collections.abc import Mapping, Sequence
from typing import Any, cast

from glimpse.access.caller import Caller
from glimpse.access.target import image_target
from glimpse.api import schema
from glimpse.api.context import Context
from glimpse.api.jsonpatch import Change
from glimpse.api.views import STORE
from glimpse.catalog.image_locations import OPEN, LocationChange
from glimpse.catalog.records import DataFacts, Image, Location, NewLocation
from glimpse.errors import Conflict, GlimpseError, Invalid
from glimpse.imports.addresses import reach, store_for
from glimpse.imports.inspection import Formats

NAME = "locations"
LAST = "-"
MAX_URL = 255
# Hexadecimal digits of each algorithm.
HASHES: Mapping[str, int] = {"md5": 32, "sha1": 40, "sha256": 64, "sha512": 128}
KNOWN_DATA: Mapping[str, Mapping[str, object]] = {
    "checksum": {"type": "string", "pattern": "^.{32}$"},
    "os_hash_algo": {"type": "string", "maxLength": 64},
    "os_hash_value": {"type": "string", "maxLength": 128},
}


def check_change(change: Change) -> None:
    """Raise Invalid for a value or a position that cannot be one."""
    if len(change.path) == 2 and not (
        (change.operation == "add" and change.path[1] == LAST)
        or (change.path[1].isascii() and change.path[1].isdigit() and len(change.path[1]) < 6)
    ):
        raise Invalid(f"{change.path[1][:100]!r} is no position among locations.")
    if change.operation == "replace":
        if not isinstance(change.value, list):
            raise Invalid("Locations are replaced by a list of locations.")
        for value in change.value:
            _check_value(value)
    elif change.operation == "add":
        _check_value(change.value)


def check_hash(data: Mapping[str, object]) -> None:
    """Raise Invalid unless this is the hash of some data, with its algorithm."""
    algorithm, value = data.get("os_hash_algo"), data.get("os_hash_value")
    if not isinstance(algorithm, str) or not isinstance(value, str) or len(data) > 2:
        raise Invalid(
            "validation_data must have os_hash_algo and os_hash_value, which are strings, and no more."
        )
    if algorithm not in HASHES:
        raise Invalid(f"os_hash_algo must be one of: {', '.join(HASHES)}.")
    if len(value) != HASHES[algorithm] or not set(value) <= set(string.hexdigits):
        raise Invalid(f"The {algorithm} of data has {HASHES[algorithm]} hexadecimal digits.")


def check_allowed(context: Context, caller: Caller, image: Image, changes: Sequence[Change]) -> None:
    """Raise Forbidden for what the caller may not do, Conflict for what the image's status does not allow."""
    target = image_target(image)
    for change in changes:
        rule = "delete_image_location" if change.operation == "remove" else "set_image_location"
        context.policy.check(rule, caller, target)
    if image.status not in OPEN:
        raise Conflict(f"Image {image.id} is {image.status}; its locations cannot be changed.")


def resolve(
    context: Context, image: Image, changes: Sequence[Change], formats: Formats
) -> list[LocationChange]:
    """The changes with what is found at their addresses; those that the image has already are not asked again.

    ``formats`` are those that it will have. Blocking, for as long as other servers need. Raises Invalid, Conflict,
    TooLarge.
    """
    known = {where.url: where for where in image.locations}
    return [_resolved(context, known, change, formats) for change in changes]


def remove_objects(context: Context, image: Image, gone: Sequence[Location]) -> None:
    """Delete what removed locations named; where that cannot be, the location is put back and the error raised.
    Blocking. ``image`` as it was before.
    """
    for location in gone:
        if location.store is None or location.store not in context.stores:
            continue
        try:
            context.stores.get(location.store).delete(location.url)
        except GlimpseError:
            _put_back(context, image, location)
            raise


def _put_back(context: Context, image: Image, location: Location) -> None:
    back = NewLocation(location.url, location.store, location.metadata)
    before = [where.url for where in image.locations]
    position = before.index(location.url) if location.url in before else len(before)
    try:
        count = len(context.catalog.images.get(image.id).locations)
        context.catalog.locations.add(image.id, back, position=min(position, count))
    except GlimpseError:
        # The image has gone meanwhile, or somebody has put it back: what the store said is what matters.
        return


def _resolved(
    context: Context, known: Mapping[str, Location], change: Change, formats: Formats
) -> LocationChange:
    if change.operation == "remove":
        return LocationChange("remove", position=int(change.path[1]))
    values = cast(
        "list[Mapping[str, Any]]", change.value if change.operation == "replace" else [change.value]
    )
    algorithm = context.settings.default.hashing_algorithm
    facts = _said([value.get("validation_data") for value in values], algorithm)
    size: int | None = None
    virtual_size: int | None = None
    locations = []
    for value in values:
        url, metadata = value["url"], dict(value["metadata"])
        wanted = metadata.pop(STORE, None) if context.settings.multi_store else None
        if change.operation == "replace" and url in known:
            locations.append(NewLocation(url, known[url].store, metadata))
            continue
        store = store_for(context.stores, url, wanted)
        found, finding = reach(store, url, formats, context.settings)
        context.limits.check_size(found)
        if size is not None and found != size:
            raise Invalid(f"The locations do not hold the same data: {found} bytes here, {size} there.")
        size, virtual_size = found, None if finding is None else finding.virtual_size
        locations.append(NewLocation(url, store.id, metadata))
    place = None if change.operation == "replace" or change.path[1] == LAST else int(change.path[1])
    data = DataFacts(size, virtual_size, **facts)
    return LocationChange("add" if change.operation == "add" else "replace", tuple(locations), place, data)


def _said(parts: Sequence[object], algorithm: str) -> dict[str, str]:
    """What is said of the data, in one. Raises Conflict where it contradicts itself or cannot be."""
    said: dict[str, str] = {}
    for part in parts:
        for name, value in part.items() if isinstance(part, dict) else ():
            if said.setdefault(name, value) != value:
                raise Conflict(f"The locations come with different values of {name}.")
    if not said:
        return said
    if said["os_hash_algo"] != algorithm:
        raise Conflict(f"os_hash_algo must be {algorithm}, not {said['os_hash_algo'][:64]!r}.")
    digits = {"checksum": 32, "os_hash_value": hashlib.new(algorithm).digest_size * 2}
    for name in digits.keys() & said.keys():
        if len(said[name]) != digits[name] or not set(said[name]) <= set(string.hexdigits):
            raise Conflict(f"The {name} must have {digits[name]} hexadecimal digits.")
        said[name] = said[name].lower()
    return said


def _check_value(value: object) -> None:
    if not isinstance(value, dict):
        raise Invalid("A location must be an object with 'url' and 'metadata'.")
    url, metadata = value.get("url"), value.get("metadata")
    if not isinstance(url, str) or not url or not isinstance(metadata, dict):
        raise Invalid("A location needs a 'url', a string, and 'metadata', an object.")
    schema.check("url", url, {"maxLength": MAX_URL})
    if "validation_data" in value:
        _check_data(value["validation_data"])


def _check_data(data: object) -> None:
    if (
        not isinstance(data, dict)
        or not {"os_hash_algo", "os_hash_value"} <= data.keys() <= KNOWN_DATA.keys()
    ):
        raise Invalid("validation_data is an object with os_hash_algo and os_hash_value, perhaps a checksum.")
    for name, value in data.items():
        schema.check(name, value, KNOWN_DATA[name])
