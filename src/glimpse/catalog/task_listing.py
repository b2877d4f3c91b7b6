"""Listing imports as tasks. Those that have expired are left out; :meth:`Imports.purge` removes them."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, or_, select

from glimpse.catalog import import_rows
from glimpse.catalog.records import TASK_TYPE, TASK_TYPES, TaskPage, TaskQuery
from glimpse.catalog.repository import Repository, reads
from glimpse.catalog.tables import imports
from glimpse.errors import Invalid

_TYPE = case(dict(TASK_TYPES), value=imports.c.method, else_=TASK_TYPE)
# None of these is ever NULL, so places in an order compare plainly.
SORT_KEYS: dict[str, ColumnElement[Any]] = {
    **{key: imports.c[key] for key in ("created_at", "id", "status", "updated_at")},
    "type": _TYPE,
}

Order = tuple[tuple[str, str], ...]


class ImportLists(Repository):
    """The part of :class:`Imports` that lists them."""

    @reads
    def list(self, conn: Connection, query: TaskQuery) -> TaskPage:
        """One page of tasks that have not expired. Raises Invalid for bad sort keys, directions and markers."""
        order = _full_order(query.sort)
        statement = import_rows.SELECT.where(fresh(self.now()))
        if query.marker is not None:
            statement = statement.where(_after(conn, query.marker, order))
        if query.limit <= 0:
            return TaskPage((), more=False)
        by = [SORT_KEYS[key].asc() if way == "asc" else SORT_KEYS[key].desc() for key, way in order]
        statement = _wanted(statement, query).order_by(*by).limit(query.limit + 1)
        rows = conn.execute(statement).all()
        tasks = import_rows.records(conn, rows[: query.limit])
        return TaskPage(tuple(tasks), more=len(rows) > query.limit)


def fresh(now: datetime) -> ColumnElement[bool]:
    """Tasks that run, or have ended not too long ago."""
    return or_(imports.c.expires_at.is_(None), imports.c.expires_at > now)


def _wanted(statement: Select[Any], query: TaskQuery) -> Select[Any]:
    if query.status is not None:
        statement = statement.where(imports.c.status == query.status)
    if query.type is not None:
        statement = statement.where(SORT_KEYS["type"] == query.type)
    if query.owner is not None:
        statement = statement.where(imports.c.owner == query.owner)
    return statement


def _full_order(sort: Order) -> Order:
    for key, direction in sort:
        if key not in SORT_KEYS:
            raise Invalid(f"Tasks cannot be sorted by {key[:100]!r}.")
        if direction not in ("asc", "desc"):
            raise Invalid(f"A sort direction is asc or desc, not {direction[:100]!r}.")
    # A single key gives its direction to the tie-breakers, as with images.
    direction = sort[0][1] if len(sort) == 1 else "desc"
    order = dict(reversed(sort))
    ordered = {key: order[key] for key, _ in sort}
    return tuple({**ordered, **{key: order.get(key, direction) for key in ("created_at", "id")}}.items())


def _after(conn: Connection, marker: str, order: Order) -> ColumnElement[bool]:
    """What comes behind the marker, which may have expired since."""
    row = conn.execute(select(*(SORT_KEYS[key] for key, _ in order)).where(imports.c.id == marker)).first()
    if row is None:
        raise Invalid(f"Marker {marker[:100]!r} is no task.")
    ways = []
    for position, (key, direction) in enumerate(order):
        equal = [SORT_KEYS[other] == row[number] for number, (other, _) in enumerate(order[:position])]
        column = SORT_KEYS[key]
        ways.append(and_(*equal, column > row[position] if direction == "asc" else column < row[position]))
    return or_(*ways)
