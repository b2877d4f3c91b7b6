"""Changes of an image's locations within a PATCH: what they may say, and how they are made."""

import string
from collections.abc import Mapping, Sequence

from glimpse.access.caller import Caller
from glimpse.access.target import image_target
from glimpse.api import schema
from glimpse.api.context import Context
from glimpse.api.jsonpatch import Change
from glimpse.catalog.records import Image, Location, NewLocation
from glimpse.errors import Forbidden, GlimpseError, Invalid

NAME = "locations"
LAST = "-"
MAX_URL = 255
# Addresses that mean something on the service's own host or in its configuration: only the service gives them.
INTERNAL = ("file", "filesystem", "swift+config")
# Hexadecimal digits of each algorithm.
HASHES: Mapping[str, int] = {"md5": 32, "sha1": 40, "sha256": 64, "sha512": 128}


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
            _parsed(value)
    elif change.operation == "add":
        _parsed(change.value)


def check_hash(data: Mapping[str, object]) -> None:
    """Raise Invalid unless this is the hash of some data, with its algorithm."""
    algorithm, value = data.get("os_hash_algo"), data.get("os_hash_value")
    if not isinstance(algorithm, str) or not isinstance(value, str):
        raise Invalid("validation_data needs os_hash_algo and os_hash_value, which are strings.")
    if algorithm not in HASHES:
        raise Invalid(f"os_hash_algo must be one of: {', '.join(HASHES)}.")
    if len(value) != HASHES[algorithm] or not set(value) <= set(string.hexdigits):
        raise Invalid(f"The {algorithm} of data has {HASHES[algorithm]} hexadecimal digits.")


def apply(context: Context, caller: Caller, image: Image, changes: Sequence[Change]) -> None:
    """Make these changes one after the other. Blocking. Raises Forbidden, Invalid, Conflict, TooLarge."""
    target = image_target(image)
    for change in changes:
        rule = "delete_image_location" if change.operation == "remove" else "set_image_location"
        context.policy.check(rule, caller, target)
    for change in changes:
        if change.operation == "remove":
            position = int(change.path[1])
            gone = context.catalog.locations.remove(image.id, position)
            remove_object(context, image.id, gone, position)
        elif change.operation == "add":
            place = None if change.path[1] == LAST else int(change.path[1])
            context.catalog.locations.add(
                image.id, _new(change.value), position=place, check=context.limits.check_locations
            )
        else:
            values = change.value if isinstance(change.value, list) else []
            if not values:
                raise Forbidden(f"Image {image.id} cannot be left without locations.")
            new = [_new(value) for value in values]
            context.catalog.locations.replace(image.id, new, check=context.limits.check_locations)


def remove_object(context: Context, image_id: str, gone: Location, position: int) -> None:
    """Delete what a removed location named; where that cannot be, the location is put back and the error raised.
    Blocking.
    """
    if gone.store is None or gone.store not in context.stores:
        return
    try:
        context.stores.get(gone.store).delete(gone.url)
    except GlimpseError:
        back = NewLocation(gone.url, gone.store, gone.metadata)
        count = len(context.catalog.images.get(image_id).locations)
        context.catalog.locations.add(image_id, back, position=min(position, count))
        raise


def check_external(url: str) -> None:
    """Raise Invalid unless users may give such addresses and a store here can read them."""
    scheme, found, _ = url.partition("://")
    if found and scheme.lower() in INTERNAL:
        raise Invalid(f"Addresses that begin with {scheme}:// cannot be given.")
    # No store yet reads addresses that it has not made itself.
    raise Invalid(f"No store here reads addresses of this kind: {scheme[:20]}.")


def _new(value: object) -> NewLocation:
    location = _parsed(value)
    check_external(location.url)
    return location


def _parsed(value: object) -> NewLocation:
    if not isinstance(value, dict):
        raise Invalid("A location must be an object with 'url' and 'metadata'.")
    url, metadata = value.get("url"), value.get("metadata")
    if not isinstance(url, str) or not url or not isinstance(metadata, dict):
        raise Invalid("A location needs a 'url', a string, and 'metadata', an object.")
    schema.check("url", url, {"maxLength": MAX_URL})
    data = value.get("validation_data")
    if data is not None:
        if not isinstance(data, dict):
            raise Invalid("validation_data must be an object.")
        check_hash(data)
    return NewLocation(url, None, metadata)
