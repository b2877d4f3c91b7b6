"""Going on after a marker: what comes behind an image in an order, NULLs included."""

from functools import lru_cache
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Connection, Select, and_, bindparam, false, or_, select

from glimpse.catalog.order import Order
from glimpse.catalog.records import Viewer
from glimpse.catalog.tables import images
from glimpse.catalog.types import Aside
from glimpse.catalog.visibility import PROJECT, Sight, seen, sight
from glimpse.errors import Invalid

# The sort keys of the marker; which of them are None.
Place = tuple[Any, ...]
Nulls = tuple[bool, ...]


def place(conn: Connection, marker: str, order: Order, viewer: Viewer | None) -> Place:
    """Where the marker stands in the order; one deleted since the page before still marks its place.

    Raises Invalid where the viewer may not know of it.
    """
    keys = tuple(key for key, _ in order)
    values = {"marker": marker, PROJECT: None if viewer is None else viewer.project}
    row = conn.execute(_find(keys, sight(viewer)), values).first()
    if row is None:
        raise Invalid(f"Marker {marker} is not an image that can be listed.")
    return tuple(row)


@lru_cache(256)
def _find(keys: tuple[str, ...], kind: Sight) -> Select[Any]:
    return select(*(images.c[key] for key in keys)).where(images.c.id == bindparam("marker"), seen(kind))


def nulls(place: Place) -> Nulls:
    """The part of a place that shapes a statement."""
    return tuple(value is None for value in place)


def parameters(place: Place) -> dict[str, object]:
    """The part of a place that only passes through."""
    return {f"m{position}": value for position, value in enumerate(place) if value is not None}


def after(order: Order, nulls: Nulls, *, leads: bool) -> list[ColumnElement[bool]]:
    """True for what comes after: some key is past its value while all before it are equal. Alternatives.

    ``leads``: an index in this order is walked, and each alternative starts in it at one place.
    """
    keys = [_Key(position, *pair, nulls[position]) for position, pair in enumerate(order)]
    ways = [and_(*(key.equal() for key in keys[:position]), key.past()) for position, key in enumerate(keys)]
    return keys[0].starts(or_(*ways)) if leads else [or_(*ways)]


class _Key:
    """One key of an order at a marker."""

    def __init__(self, position: int, key: str, direction: str, null: bool) -> None:
        self._column = images.c[key]
        self._aside = Aside(self._column)
        self._up = direction == "asc"
        self._null = null
        self._name = f"m{position}"

    @property
    def _value(self) -> BindParameter[Any]:
        return bindparam(self._name, type_=self._column.type)

    def equal(self) -> ColumnElement[bool]:
        return self._aside.is_(None) if self._null else self._aside == self._value

    def past(self) -> ColumnElement[bool]:
        if self._up:
            return self._aside.is_not(None) if self._null else self._aside > self._value
        if self._null:
            return false()
        below = self._aside < self._value
        return or_(below, self._aside.is_(None)) if self._column.nullable else below

    def starts(self, past: ColumnElement[bool]) -> list[ColumnElement[bool]]:
        """``past`` with what follows from it, but lets the database start in its index at the marker."""
        column = self._column
        if self._up:
            return [past if self._null else and_(column >= self._value, past)]
        if self._null:
            return [and_(column.is_(None), past)]
        # NULLs come last and are no part of a range of values: they are a range of their own.
        last = [column.is_(None)] if column.nullable else []
        return [and_(column <= self._value, past), *last]
