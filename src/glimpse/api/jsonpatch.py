"""The two JSON-patch media types of the Image API, parsed into one form. Pure functions."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, cast

from glimpse.api.errors import HttpError
from glimpse.errors import Invalid

V20 = "application/openstack-images-v2.0-json-patch"
V21 = "application/openstack-images-v2.1-json-patch"
ACCEPT_PATCH = f"{V20}, {V21}"

Operation = Literal["add", "remove", "replace"]
OPERATIONS = ("add", "remove", "replace")


@dataclass(frozen=True, slots=True)
class Change:
    """One operation. ``path`` is the pointer's parts, unescaped: one, or two below ``locations``.

    ``strict``: adding what exists is an error (the older media type).
    """

    operation: Operation
    path: tuple[str, ...]
    value: object = None
    strict: bool = False


def parser(content_type: str | None) -> Callable[[object], list[Change]]:
    """The function that understands bodies of this media type. Raises 415, naming the media types that we
    take.
    """
    media = (content_type or "").partition(";")[0].strip().lower()
    if media == V21:
        return parse_v21
    if media == V20:
        return parse_v20
    raise HttpError(
        415,
        f"The media type {media[:100]!r} is not one of: {ACCEPT_PATCH}.",
        headers={"Accept-Patch": ACCEPT_PATCH},
    )


def parse_v21(body: object) -> list[Change]:
    """Changes of the form ``{"op": "add", "path": "/x", "value": …}``. Raises Invalid."""
    changes = []
    for element in _elements(body):
        if "op" not in element:
            raise Invalid("Each change needs an 'op'.")
        operation = element["op"]
        if operation not in OPERATIONS:
            raise Invalid(f"The operation {str(operation)[:100]!r} is not one of: add, remove, replace.")
        if "path" not in element:
            raise Invalid("Each change needs a 'path'.")
        changes.append(_change(cast(Operation, operation), element["path"], element, strict=False))
    return changes


def parse_v20(body: object) -> list[Change]:
    """Changes of the form ``{"add": "/x", "value": …}``. Raises Invalid."""
    changes = []
    for element in _elements(body):
        named = [operation for operation in OPERATIONS if operation in element]
        if len(named) != 1:
            raise Invalid("Each change needs exactly one of: add, remove, replace.")
        changes.append(_change(cast(Operation, named[0]), element[named[0]], element, strict=True))
    return changes


def _elements(body: object) -> list[dict[str, object]]:
    if not isinstance(body, list):
        raise Invalid("The body must be a JSON array of changes.")
    for element in body:
        if not isinstance(element, dict):
            raise Invalid("Each change must be a JSON object.")
    return body


def _change(operation: Operation, pointer: object, element: dict[str, object], *, strict: bool) -> Change:
    path = _path(pointer)
    _check_depth(operation, path)
    if operation == "remove":
        return Change(operation, path, strict=strict)
    if "value" not in element:
        raise Invalid(f"The operation {operation!r} needs a 'value'.")
    return Change(operation, path, element["value"], strict)


def _path(pointer: object) -> tuple[str, ...]:
    if not isinstance(pointer, str):
        raise Invalid("A path must be a string.")
    if not pointer.startswith("/"):
        raise Invalid(f"The path {pointer[:100]!r} must begin with '/'.")
    if "//" in pointer or pointer.endswith("/"):
        raise Invalid(f"The path {pointer[:100]!r} has an empty part.")
    if "~" in pointer.replace("~0", "").replace("~1", ""):
        raise Invalid(f"In the path {pointer[:100]!r} a '~' is not followed by 0 or 1.")
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in pointer[1:].split("/"))


def _check_depth(operation: Operation, path: tuple[str, ...]) -> None:
    depth = 2 if path[0] == "locations" and operation in ("add", "remove") else 1
    if len(path) != depth:
        raise Invalid(f"The path /{'/'.join(path)[:100]} has {len(path)} parts; {operation!r} needs {depth}.")
