"""Listing images: filters, sort orders and paging by marker. The work does not grow with the number of images.

One condition leads to the images, all others are only looked at on the way:

* one that few images meet (:mod:`few` finds out): these are named, looked up and sorted;
* else, where the newest or oldest are wanted, each way in which an image may be visible walks an index of its
  own in that order, and a union takes the first of them all;
* else the index of the sort order is walked; as many images meet every condition, 25 are soon found.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from glimpse.catalog import few, marker, order
from glimpse.catalog.conditions import (
    COLUMNS,
    Compares,
    Condition,
    Ranges,
    SharedWith,
    any_way,
    comparisons,
    equals,
    has,
    one_of,
    parameters,
    tagged,
)
from glimpse.catalog.details import complete
from glimpse.catalog.order import Order, full_order
from glimpse.catalog.page import PageShape, WayShape, statement
from glimpse.catalog.records import ImageQuery, Page, Viewer
from glimpse.catalog.visibility import listed

Conditions = tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Way:
    """A way to images; as :class:`WayShape`, with values."""

    conditions: Conditions
    walks: bool = True


@dataclass(frozen=True, slots=True)
class Search:
    """How a page is looked for: an image is on it that meets all ``conditions`` and one of the ``ways``."""

    ways: tuple[Way, ...]
    conditions: Conditions


def list_images(conn: Connection, query: ImageQuery, viewer: Viewer | None) -> Page:
    """One page. Raises Invalid for an unknown sort key, direction, column, operator or marker."""
    by = full_order(query.sort)
    conditions = _wanted(query)
    place = None if query.marker is None else marker.place(conn, query.marker, by, viewer)
    if query.limit <= 0 or conditions is None:
        return Page((), more=False)
    search = _search(conn, query, listed(viewer, query), conditions, by)
    if search is None:
        return Page((), more=False)
    shape = PageShape(
        ways=tuple(WayShape(tuple(each.shape for each in way.conditions), way.walks) for way in search.ways),
        conditions=tuple(each.shape for each in search.conditions),
        order=by,
        after=None if place is None else marker.nulls(place),
        hidden=query.os_hidden,
        dialect=conn.dialect.name,
        filtered=bool(conditions),
    )
    values = parameters([*(each for way in search.ways for each in way.conditions), *search.conditions])
    if place is not None:
        values |= marker.parameters(place)
    heads = conn.execute(statement(shape), values | {"count": query.limit + 1}).all()
    return Page(tuple(complete(conn, heads[: query.limit])), more=len(heads) > query.limit)


def _wanted(query: ImageQuery) -> Conditions | None:
    """What the filters ask for; None where nothing can meet it."""
    if any(wanted.operator == "in" and not wanted.values for wanted in query.comparisons):
        return None
    return (
        *(
            equals(name, value) if name in COLUMNS else has(name, str(value))
            for name, value in query.filters.items()
        ),
        *comparisons(query.comparisons),
        *(tagged(tag) for tag in query.tags),
    )


def _search(
    conn: Connection, query: ImageQuery, visible: Sequence[Conditions], wanted: Conditions, by: Order
) -> Search | None:
    """How to look for the page; None where there can be no image on it."""
    if not visible:
        return None
    for condition in wanted:
        if _names_images(condition):
            return _named(visible, _without(wanted, condition), condition)
    newest, hidden = order.by_creation(by), query.os_hidden
    if newest and visible == [()] and len(wanted) == 1 and _walked(wanted[0]):
        return Search((Way((_leading(wanted[0]),)),), ())
    rivals = [each for each in wanted if few.can_tell(each.shape) and not _on_the_way(each, by)]
    # In another order, the index of a way does not help unless it leads to few images.
    alternatives = [] if newest else [way[0] for way in visible if way and _has_index(way[0])]
    verdicts = few.are_few(conn, [*rivals, *alternatives], hidden)
    for rival, is_few in zip(rivals, verdicts, strict=False):
        if is_few:
            ids = few.ids_of(conn, rival, hidden)
            return _named(visible, _without(wanted, rival), one_of("id", ids)) if ids else None
    conditions = tuple(_leading(each) if _on_the_way(each, by) else each for each in wanted)
    judged = zip(alternatives, verdicts[len(rivals) :], strict=True)
    ways = _ways(conn, query, visible, newest, {leader for leader, is_few in judged if is_few})
    return Search(ways, conditions) if ways else None


def _ways(
    conn: Connection,
    query: ImageQuery,
    visible: Sequence[Conditions],
    newest: bool,
    short: Container[Condition],
) -> tuple[Way, ...]:
    """Each way by its own index where that gives the order or leads to few; the others by the order's."""
    apart: list[Way] = []
    together: list[Conditions] = []
    for way in visible:
        if way and isinstance(way[0].shape, SharedWith):
            ids = few.some_ids(conn, way[0], query.os_hidden)
            if ids is None:
                together.append(way)
            elif ids:
                apart.append(Way((one_of("id", ids, leads=True), *way[1:]), walks=False))
        elif way and way[0] in short:
            apart.append(Way((_leading(way[0]), *way[1:]), walks=False))
        elif way and newest and _walked(way[0]):
            apart.append(Way((_leading(way[0]), *way[1:])))
        else:
            together.append(way)
    if together:
        # A single way needs no OR around it.
        apart.append(Way(together[0] if len(together) == 1 else (any_way(together),)))
    return tuple(apart)


def _named(visible: Sequence[Conditions], conditions: Conditions, ids: Condition) -> Search:
    """Look these images up and see which of them may be listed."""
    seen = () if () in visible else (any_way(visible),)
    return Search((Way((_leading(ids),), walks=False),), (*conditions, *seen))


def _names_images(condition: Condition) -> bool:
    shape = condition.shape
    return isinstance(shape, Compares) and shape.column == "id" and shape.operator in ("eq", "in")


def _without(conditions: Conditions, met: Condition) -> Conditions:
    """The conditions besides one that is met by whatever is looked at."""
    return tuple(each for each in conditions if each is not met)


def _has_index(condition: Condition) -> bool:
    return isinstance(condition.shape, Compares) and few.can_tell(condition.shape)


def _walked(condition: Condition) -> bool:
    """Whether the index of this column gives those that meet the condition in the order of their creation."""
    shape = condition.shape
    return isinstance(shape, Compares) and shape.column in few.NEWEST_OF and shape.operator in ("eq", "null")


def _on_the_way(condition: Condition, by: Order) -> bool:
    """Whether the index of the sort order leads to the first that meets this."""
    shape = condition.shape
    if isinstance(shape, Ranges):
        return shape.column == by[0][0]
    return isinstance(shape, Compares) and shape.column == by[0][0] and shape.operator != "neq"


def _leading(condition: Condition) -> Condition:
    shape = condition.shape
    if isinstance(shape, Compares | Ranges):
        return Condition(replace(shape, leads=True), condition.values)
    return condition
