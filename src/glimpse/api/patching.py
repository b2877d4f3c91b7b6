"""What a list of changes does to an image: pure functions from a record to the rows that change."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, cast

from glimpse.access.caller import Caller
from glimpse.access.protection_file import Operation
from glimpse.api import locating, reserved
from glimpse.api.customs import ImageSchema
from glimpse.api.jsonpatch import Change
from glimpse.api.schema import check, check_extra, stored
from glimpse.catalog.records import Image
from glimpse.errors import Conflict, Forbidden, Invalid

# Whether the caller may do this with properties of this name.
May: TypeAlias = Callable[[Operation, str], bool]

# While an image has one of these its data is not yet there, so its format may still be named.
FORMATS_MAY_CHANGE = ("queued", "importing")
FORMATS = ("disk_format", "container_format")
# Made from the locations. Clients never set it, but openstacksdk takes it for a property of the user's and
# sends its removal with each change; the Image API has never refused to have it added either. Both do
# nothing.
DERIVED = "stores"


def anything(operation: Operation, name: str) -> bool:
    """For who may do everything with every property."""
    return True


@dataclass(frozen=True, slots=True)
class Formats:
    """What an image's data is said to be."""

    disk_format: str | None
    container_format: str | None


@dataclass(slots=True)
class Edit:
    """The rows of one image that a request changes; nothing else is written."""

    attributes: dict[str, object] = field(default_factory=dict)
    properties: dict[str, str | None] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    tags: list[str] | None = None
    locations: list[Change] = field(default_factory=list)

    def formats(self, image: Image) -> "Formats":
        """What the image will be declared to be."""
        named = {name: self.attributes.get(name, getattr(image, name)) for name in FORMATS}
        return Formats(**cast("dict[str, str | None]", named))


def check_changes(changes: Sequence[Change], described: ImageSchema, *, locations: bool = False) -> None:
    """Raise what can be said of the changes without looking at the image: 403 for names, 400 for values.

    ``locations``: whether these may be changed.
    """
    for change in changes:
        name = change.path[0]
        if name == DERIVED:
            continue
        reserved.refuse_read_only(name)
        reserved.refuse_reserved(name)
        if name == "id":
            raise Forbidden("The attribute id is read-only.")
        if name == locating.NAME:
            if not locations:
                raise Forbidden("Locations cannot be changed here.")
            locating.check_change(change)
            continue
        if change.operation == "remove":
            if name in described.required:
                raise Invalid(f"An image needs the property {name}.")
            continue
        if name in described.properties:
            check(name, change.value, described.properties[name])
        else:
            check_extra(name, change.value)


def edit(
    image: Image,
    changes: Sequence[Change],
    caller: Caller,
    may: May = anything,
    present: Collection[str] | None = None,
) -> Edit:
    """What the changes, applied one after the other, make of the image. Raises Forbidden, Conflict.

    ``present``: the properties that it has now, where these may not be those in ``image``. They decide whether a change
    is allowed and possible, but not what it writes.
    """
    editor = _Editor(image, caller, may, image.properties if present is None else present)
    for change in changes:
        editor.apply(change)
    return editor.edit


class _Editor:
    def __init__(self, image: Image, caller: Caller, may: May, present: Collection[str]) -> None:
        self.edit = Edit()
        self._image = image
        self._caller = caller
        self._may = may
        self._present = set(present)
        self._verbs: dict[str, Callable[[Change], None]] = {
            "add": self._add,
            "replace": self._replace,
            "remove": self._remove,
        }

    def apply(self, change: Change) -> None:
        if change.path[0] == locating.NAME:
            self.edit.locations.append(change)
            return
        if change.path[0] == DERIVED:
            if change.operation == "replace":
                raise Conflict(f"The property {DERIVED} is not there.")
            return
        self._verbs[change.operation](change)

    def _add(self, change: Change) -> None:
        name = change.path[0]
        if name not in reserved.BASE:
            self._require("update" if name in self._present else "create", name)
        if change.strict and (name in reserved.BASE or name in self._present):
            raise Conflict(f"The property {name} is already there.")
        self._set(name, change.value)

    def _replace(self, change: Change) -> None:
        name = change.path[0]
        if name not in reserved.BASE:
            self._require_present("update", name)
        self._set(name, change.value)

    def _remove(self, change: Change) -> None:
        name = change.path[0]
        if name in reserved.BASE:
            raise Forbidden(f"The attribute {name} cannot be removed.")
        self._require_present("delete", name)
        self._present.discard(name)
        self.edit.properties.pop(name, None)
        self.edit.removed.add(name)

    def _set(self, name: str, value: object) -> None:
        if name == "tags":
            self.edit.tags = sorted({str(tag) for tag in value}) if isinstance(value, list) else []
        elif name in reserved.BASE:
            self._refuse(name)
            self.edit.attributes[name] = value
        else:
            self._present.add(name)
            self.edit.removed.discard(name)
            self.edit.properties[name] = stored(name, value)

    def _require(self, operation: Operation, name: str) -> None:
        if not self._may(operation, name):
            raise Forbidden(f"The property {name[:100]} is protected.")

    def _require_present(self, operation: Operation, name: str) -> None:
        # Who may not read a property must not learn from the kind of refusal whether it is there.
        if name in self._present or not self._may("read", name):
            self._require(operation, name)
        if name not in self._present:
            raise Conflict(f"The property {name} is not there.")

    def _refuse(self, name: str) -> None:
        if name == "owner" and not self._caller.is_admin:
            raise Forbidden("Only an administrator can change an image's owner.")
        if name in FORMATS and self._image.status not in FORMATS_MAY_CHANGE:
            raise Forbidden(
                f"The attribute {name} cannot be changed while the image is {self._image.status}."
            )
