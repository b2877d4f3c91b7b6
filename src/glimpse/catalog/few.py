"""Finding out whether a condition is about few images, so that they can be named instead of looked for."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Integer, Select, bindparam, false, select, true

from glimpse.catalog.conditions import (
    Binds,
    Compares,
    Condition,
    HasProperty,
    HasTag,
    Shape,
    SharedWith,
    parameters,
)
from glimpse.catalog.tables import image_members, image_properties, image_tags, images

# Up to so many images are looked up one by one; where more match, walking the sort order meets them soon.
# (100,000 images, filter by a property that one of them has: 0.6 ms instead of 170.)
FEW = 1000

# Columns with an index that begins with ``deleted`` and ``os_hidden``, and those with one of their own.
ORDERED = frozenset(
    {
        "name", "status", "size", "disk_format", "container_format", "created_at", "updated_at", "virtual_size",
        "min_disk", "min_ram", "protected", "owner", "visibility",
    }
)  # fmt: skip
ALONE = frozenset({"checksum", "os_hash_value"})

# SQLite has no room for more statements of one connection than 512 either.
_KEPT = 512


def can_tell(shape: Shape) -> bool:
    """Whether an index leads to the images that meet this."""
    if isinstance(shape, Compares):
        return shape.operator != "neq" and shape.column in ORDERED | ALONE
    return isinstance(shape, HasProperty | HasTag | SharedWith)


def are_few(conn: Connection, conditions: Sequence[Condition], hidden: bool | None) -> list[bool]:
    """For each condition (that :func:`can_tell`), whether at most :data:`FEW` images meet it.

    Only images whose ``os_hidden`` is ``hidden`` count where that is known to the index (None: all).
    """
    if not conditions:
        return []
    statement = _probe(tuple(condition.shape for condition in conditions), hidden)
    row = conn.execute(statement, parameters(conditions) | {"few": FEW}).one()
    return [beyond is None for beyond in row]


def ids_of(conn: Connection, condition: Condition, hidden: bool | None) -> list[str]:
    """The images that meet this, and some that are gone perhaps."""
    return list(conn.execute(_all(condition.shape, hidden), parameters([condition])).scalars())


def some_ids(conn: Connection, condition: Condition, hidden: bool | None) -> list[str] | None:
    """As :func:`ids_of` where they are few, else None."""
    statement = _some(condition.shape, hidden)
    found = list(conn.execute(statement, parameters([condition]) | {"most": FEW + 1}).scalars())
    return found if len(found) <= FEW else None


@lru_cache(_KEPT)
def _probe(shapes: tuple[Shape, ...], hidden: bool | None) -> Select[Any]:
    binds = Binds()
    few = bindparam("few", type_=Integer)
    return select(
        *(
            _ids(shape, binds, hidden).limit(1).offset(few).scalar_subquery().label(f"beyond{number}")
            for number, shape in enumerate(shapes)
        )
    )


@lru_cache(_KEPT)
def _all(shape: Shape, hidden: bool | None) -> Select[Any]:
    return _ids(shape, Binds(), hidden)


@lru_cache(_KEPT)
def _some(shape: Shape, hidden: bool | None) -> Select[Any]:
    return _ids(shape, Binds(), hidden).limit(bindparam("most", type_=Integer))


def _ids(shape: Shape, binds: Binds, hidden: bool | None) -> Select[Any]:
    if isinstance(shape, HasProperty):
        return select(image_properties.c.image_id).where(shape.row(binds))
    if isinstance(shape, HasTag):
        return select(image_tags.c.image_id).where(shape.row(binds))
    if isinstance(shape, SharedWith):
        return select(image_members.c.image_id).where(shape.row(binds))
    assert isinstance(shape, Compares)
    leading = Compares(shape.column, shape.operator, shape.count, leads=True)
    found = select(images.c.id).where(leading.sql(binds))
    if shape.column in ALONE:
        return found
    return found.where(images.c.deleted == false(), is_hidden(hidden))


def is_hidden(hidden: bool | None) -> ColumnElement[bool]:
    """The condition on ``os_hidden``; None: any, said so that an index which has it can still be walked."""
    if hidden is None:
        return images.c.os_hidden.in_([False, True])
    return images.c.os_hidden == (true() if hidden else false())
