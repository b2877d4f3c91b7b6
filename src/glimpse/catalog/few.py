"""Finding out whether a condition is about few images, so that they can be named instead of looked for."""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Integer, Select, bindparam, false, select, true, union_all

from glimpse.catalog.conditions import (
    Binds,
    Compares,
    Condition,
    HasProperty,
    HasTag,
    Ranges,
    Shape,
    SharedWith,
    parameters,
)
from glimpse.catalog.tables import image_members, image_properties, image_tags, images
from glimpse.catalog.types import SmallestNull

# Up to so many images are looked up one by one; where more match, walking the sort order meets them soon.
# (100,000 images, filter by a property that one of them has: 0.6 ms instead of 170.)
FEW = 1000

# Columns with an index that begins with ``deleted`` and ``os_hidden``, and those with one of their own.
ORDERED = frozenset(
    {
        "name", "status", "size", "disk_format", "container_format", "created_at", "updated_at", "virtual_size",
        "min_disk", "min_ram", "protected", "os_hash_algo", "owner", "visibility",
    }
)  # fmt: skip
# Of these, the index has the order of creation behind the column; else the id.
NEWEST_OF = frozenset(
    {"name", "status", "size", "disk_format", "container_format", "owner", "visibility", "updated_at"}
)
ALONE = frozenset({"checksum", "os_hash_value"})

_TABLES = ((HasProperty, image_properties), (HasTag, image_tags), (SharedWith, image_members))

# SQLite has no room for more statements of one connection than 512 either.
_KEPT = 512


def can_tell(shape: Shape) -> bool:
    """Whether an index leads to the images that meet this."""
    if isinstance(shape, Compares):
        return shape.operator != "neq" and shape.column in ORDERED | ALONE
    if isinstance(shape, Ranges):
        return shape.column in ORDERED
    return isinstance(shape, HasProperty | HasTag | SharedWith)


def are_few(conn: Connection, conditions: Sequence[Condition], hidden: bool | None) -> list[bool]:
    """For each condition (that :func:`can_tell`), whether at most :data:`FEW` images meet it.

    Only images whose ``os_hidden`` is ``hidden`` count where that is known to the index (None: all).
    """
    if not conditions:
        return []
    statement = _probe(tuple(condition.shape for condition in conditions), hidden)
    row = conn.execute(statement, parameters(conditions) | {"few": FEW, "most": FEW + 1}).one()
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
    few, most = bindparam("few", type_=Integer), bindparam("most", type_=Integer)
    return select(
        *(
            _ids(shape, binds, hidden, most).limit(1).offset(few).scalar_subquery().label(f"beyond{number}")
            for number, shape in enumerate(shapes)
        )
    )


@lru_cache(_KEPT)
def _all(shape: Shape, hidden: bool | None) -> Select[Any]:
    return _ids(shape, Binds(), hidden)


@lru_cache(_KEPT)
def _some(shape: Shape, hidden: bool | None) -> Select[Any]:
    return _ids(shape, Binds(), hidden).limit(bindparam("most", type_=Integer))


def _ids(
    shape: Shape, binds: Binds, hidden: bool | None, most: ColumnElement[int] | None = None
) -> Select[Any]:
    """In the order of the index: PostgreSQL would rather read the whole table for the first thousand.

    ``most``: more than so many are not needed.
    """
    for kind, table in _TABLES:
        if isinstance(shape, kind):
            return select(table.c.image_id).where(shape.row(binds)).order_by(table.c.image_id)
    assert isinstance(shape, Compares | Ranges)
    column = images.c[shape.column]
    alone = shape.column in ALONE
    found = select(images.c.id)
    if not alone:
        found = found.where(images.c.deleted == false(), is_hidden(hidden))
    if isinstance(shape, Compares) and shape.operator == "in" and most is not None:
        # Each value has a place of its own in the index.
        places = [
            found.where(column == binds.next(column)).order_by(images.c.created_at).limit(most).subquery()
            for _ in range(shape.count)
        ]
        return select(union_all(*(select(place.c.id) for place in places)).subquery().c.id)
    found = found.where(replace(shape, leads=True).sql(binds))
    if alone or (isinstance(shape, Compares) and shape.operator == "in"):
        return found
    if isinstance(shape, Compares) and shape.operator in ("eq", "null"):
        return found.order_by(images.c.created_at if shape.column in NEWEST_OF else images.c.id)
    return found.order_by(SmallestNull(column) if column.nullable else column)


def is_hidden(hidden: bool | None) -> ColumnElement[bool]:
    """The condition on ``os_hidden``; None: any, said so that an index which has it can still be walked."""
    if hidden is None:
        return images.c.os_hidden.in_([False, True])
    return images.c.os_hidden == (true() if hidden else false())
