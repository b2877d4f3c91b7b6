"""What a user's change does to an image's own rows: attributes, properties, tags. Never to its data."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from sqlalchemy import Connection, false, select, update

from glimpse.catalog import properties, states, tags
from glimpse.catalog.tables import images
from glimpse.errors import Forbidden, NotFound

# What a user's change may set. Everything else is the service's own.
ATTRIBUTES = frozenset(
    {
        "name",
        "visibility",
        "protected",
        "os_hidden",
        "owner",
        "disk_format",
        "container_format",
        "min_disk",
        "min_ram",
    }
)


Judge: TypeAlias = Callable[[Collection[str]], object]


def nothing_against(present: Collection[str]) -> None:
    """For a change that is right whatever the image has."""


@dataclass(frozen=True, slots=True)
class Change:
    """The rows that change and no others: what is not named here keeps what others have written.

    ``tags`` None leaves them. ``judge`` is asked before anything changes, in the same transaction: it is told which of
    the properties that are named the image has, and may refuse by raising.
    """

    set: Mapping[str, object] = field(default_factory=dict)
    properties: Mapping[str, str | None] = field(default_factory=dict)
    remove_properties: Collection[str] = ()
    tags: Collection[str] | None = None
    judge: Judge = nothing_against

    def __bool__(self) -> bool:
        """Whether anything changes."""
        return bool(self.set or self.properties or self.remove_properties or self.tags is not None)


def apply(conn: Connection, image_id: str, change: Change, now: datetime) -> None:
    """Make the change. Raises Forbidden for attributes and properties that are the service's own, and for formats
    once there is data; NotFound; and what the change's judge raises.
    """
    for name in sorted(change.set.keys() - ATTRIBUTES):
        raise Forbidden(f"Attribute '{name}' is read-only.")
    properties.refuse_reserved([*change.properties, *change.remove_properties])
    if not change:
        return
    _set(conn, image_id, {**change.set, "updated_at": now})
    gone = [name for name in change.remove_properties if name not in change.properties]
    # From the update of its row on, the image is changed by nobody else.
    known = properties.current(conn, image_id, [*change.properties, *gone])
    change.judge(known.keys())
    properties.remove(conn, image_id, gone)
    properties.put(conn, image_id, change.properties, known)
    if change.tags is not None:
        tags.replace(conn, image_id, change.tags)


def _set(conn: Connection, image_id: str, values: Mapping[str, object]) -> None:
    there = (images.c.id == image_id, images.c.deleted == false())
    statement = update(images).where(*there)
    if {"disk_format", "container_format"} & values.keys():
        statement = statement.where(images.c.status.in_(sorted(states.FORMATS_OPEN)))
    if conn.execute(statement.values(dict(values))).rowcount:
        return
    status = conn.execute(select(images.c.status).where(*there)).scalar()
    if status is None:
        raise NotFound(f"No image found with ID {image_id}")
    raise Forbidden(f"The formats of image {image_id} cannot be changed while it is {status}.")
