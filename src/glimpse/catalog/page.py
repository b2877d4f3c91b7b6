"""The statement that finds one page of images, kept by its shape."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    bindparam,
    false,
    literal_column,
    select,
    true,
    union_all,
)

from glimpse.catalog import marker
from glimpse.catalog.conditions import Binds, Compares, Shape
from glimpse.catalog.details import head
from glimpse.catalog.engines import ONE_PLAN
from glimpse.catalog.few import is_hidden
from glimpse.catalog.order import Order, order_by
from glimpse.catalog.tables import images
from glimpse.catalog.types import Aside

# A statement takes 0.1 MB with what SQLAlchemy keeps of it (its own cache holds 500); a service of many users
# with many habits makes some dozens.
KEPT = 256


@dataclass(frozen=True, slots=True)
class WayShape:
    """One of the ways to images. ``walks``: an index is walked in the order of the page, from the marker on;
    else a condition leads to few images, which are sorted.
    """

    conditions: tuple[Shape, ...]
    walks: bool


@dataclass(frozen=True, slots=True)
class PageShape:
    """Everything about a page but the values. ``after`` says which keys of the marker are NULL, ``filtered`` whether
    filters were asked for: without any, one plan suits all values.

    The parameters are those of ``ways``, then those of ``conditions``, the marker's, and ``count``.
    """

    ways: tuple[WayShape, ...]
    conditions: tuple[Shape, ...]
    order: Order
    after: marker.Nulls | None
    hidden: bool | None
    dialect: str
    filtered: bool


@lru_cache(KEPT)
def statement(shape: PageShape) -> Select[Any]:
    """Finds the heads of the images."""
    return _statement(shape).execution_options(**{ONE_PLAN: not shape.filtered})


def _statement(shape: PageShape) -> Select[Any]:
    binds = Binds()
    ways = [(way, [each.sql(binds) for each in way.conditions]) for way in shape.ways]
    conditions = [each.sql(binds) for each in shape.conditions]
    parts = [
        (way, [*met, *conditions, *start, *_alive(shape, way.walks)])
        for way, met in ways
        for start in _starts(shape, way.walks)
    ]
    by = order_by(shape.order, shape.dialect)
    # As a number in the text: a plan that PostgreSQL keeps assumes that a tenth of all rows is wanted.
    count = bindparam("count", type_=Integer, literal_execute=shape.dialect == "postgresql")
    if len(parts) == 1 and shape.ways[0].walks:
        [(way, met)] = parts
        return _led(head(shape.dialect).where(*met), shape, way).order_by(*by).limit(count)
    # The first images of each part; the first of all are among them. A single condition with OR makes the
    # database walk past everybody else's images (100,000 images: 2.0 ms).
    firsts = []
    for way, met in parts:
        part_by = order_by(shape.order, shape.dialect, aside=not way.walks)
        part = _led(select(images.c.id).where(*met), shape, way).order_by(*part_by).limit(count).subquery()
        firsts.append(select(part.c.id))
    found = firsts[0] if len(firsts) == 1 else select(union_all(*firsts).subquery().c.id)
    return head(shape.dialect).where(images.c.id.in_(found)).order_by(*by).limit(count)


def _led(statement: Select[Any], shape: PageShape, way: WayShape) -> Select[Any]:
    """Tell MariaDB which index it is all about: it prefers one that saves sorting to one that saves reading, and
    a short beginning of an index to a stretch of it (100,000 images, second page: 103 ms).
    """
    leader = next((each.column for each in way.conditions if isinstance(each, Compares) and each.leads), None)
    index = "PRIMARY" if leader == "id" else f"ix_images_by_{leader or shape.order[0][0]}"
    return statement.with_hint(images, f"FORCE INDEX ({index})", "mysql")


def _starts(shape: PageShape, walks: bool) -> list[list[ColumnElement[bool]]]:
    if shape.after is None:
        return [[]]
    return [[start] for start in marker.after(shape.order, shape.after, shape.dialect, leads=walks)]


def _alive(shape: PageShape, walks: bool) -> list[ColumnElement[bool]]:
    """Images that exist. Every index that is walked begins with the first two."""
    seen = images.c.status != literal_column("'killed'")
    if walks:
        return [images.c.deleted == false(), is_hidden(shape.hidden), seen]
    if shape.hidden is None:
        return [Aside(images.c.deleted) == false(), seen]
    hidden = true() if shape.hidden else false()
    return [Aside(images.c.deleted) == false(), Aside(images.c.os_hidden) == hidden, seen]
