"""From rows to images: properties, tags and locations of one image or of a page of them, in one statement.

The statements are kept, and take lists of ids whose lengths are powers of two: building one costs more than
running it.
"""

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Connection,
    Row,
    Select,
    Table,
    Text,
    bindparam,
    cast,
    false,
    func,
    literal_column,
    select,
    union_all,
)

from glimpse.catalog import tables as t
from glimpse.catalog.conditions import pad
from glimpse.catalog.engines import ONE_PLAN
from glimpse.catalog.records import Image, Location, Viewer
from glimpse.catalog.visibility import PROJECT, Sight, seen, sight

# In the order of Image's fields; the lock comes from the running import.
COLUMNS = (
    *(t.images.c[name] for name in list(Image.__dataclass_fields__)[:18]),
    t.images.c.claim,
    t.imports.c.id.label("import_id"),
)
_IMAGES = t.images.outerjoin(t.imports, t.imports.c.lock_image_id == t.images.c.id)

_NO_TEXT: Any = literal_column("''")
_NO_NUMBER: Any = literal_column("0", BigInteger)
_PROPERTY, _TAG, _LOCATION = "p", "t", "l"


def _kind(kind: str) -> Any:
    return literal_column(f"'{kind}'").label("kind")


def _rows_of(table: Table, ids: Sequence[Any], kind: str, *columns: Any) -> Select[Any]:
    return select(_kind(kind), table.c.image_id, *columns).where(table.c.image_id.in_(ids))


@lru_cache(16)
def _details(count: int) -> CompoundSelect[Any]:
    """One statement instead of three: a listing of 25 takes 25 % less time (and on a server, two round trips
    less).
    """
    ids = [bindparam(f"id{number}", type_=t.images.c.id.type) for number in range(count)]
    return union_all(
        _rows_of(
            t.image_properties,
            ids,
            _PROPERTY,
            t.image_properties.c.name.label("first"),
            t.image_properties.c.value.label("second"),
            _NO_TEXT.label("store"),
            _NO_NUMBER.label("number"),
        ),
        _rows_of(t.image_tags, ids, _TAG, t.image_tags.c.tag, _NO_TEXT, _NO_TEXT, _NO_NUMBER),
        _rows_of(
            t.image_locations,
            ids,
            _LOCATION,
            t.image_locations.c.url,
            # As text: the columns of a union have one type, and this one is decoded below.
            literal_column("metadata"),
            t.image_locations.c.store,
            t.image_locations.c.id,
        ),
    )


def _gathered(table: Table, *columns: Any) -> ColumnElement[Any]:
    rows = select(cast(func.json_agg(func.json_build_array(*columns)), Text))
    return rows.where(table.c.image_id == t.images.c.id).scalar_subquery()


@lru_cache(4)
def head(dialect: str) -> Select[Any]:
    """The rows that :func:`complete` makes images of.

    PostgreSQL gathers what belongs to an image as JSON, so that one statement is all. (SQLite is as fast with two;
    MariaDB cuts such a text where a setting of the server says.)
    """
    if dialect != "postgresql":
        return select(*COLUMNS).select_from(_IMAGES)
    gathered = (
        _gathered(t.image_properties, t.image_properties.c.name, t.image_properties.c.value),
        _gathered(t.image_tags, t.image_tags.c.tag),
        _gathered(
            t.image_locations,
            t.image_locations.c.id,
            t.image_locations.c.url,
            t.image_locations.c.store,
            literal_column("metadata"),
        ),
    )
    return select(*COLUMNS, *gathered).select_from(_IMAGES)


@lru_cache(16)
def _one(kind: Sight, dialect: str) -> Select[Any]:
    one = head(dialect).where(t.images.c.id == bindparam("of"), t.images.c.deleted == false(), seen(kind))
    return one.execution_options(**{ONE_PLAN: True})


def find(conn: Connection, image_id: str, viewer: Viewer | None) -> Image | None:
    """The image, where the viewer may know of it."""
    values = {"of": image_id, PROJECT: None if viewer is None else viewer.project}
    found = complete(conn, conn.execute(_one(sight(viewer), conn.dialect.name), values).all())
    return found[0] if found else None


def complete(conn: Connection, heads: Sequence[Row[*tuple[Any, ...]]]) -> list[Image]:
    """The images of these rows of :func:`head`, in their order."""
    if not heads:
        return []
    # The metadata of a whole page mostly says the same; reading it each time is a twelfth of the Python work.
    read = lru_cache(len(heads))(json.loads)
    if len(heads[0]) > len(COLUMNS):
        return [
            _image(row, [json.loads(each) if each else [] for each in row[len(COLUMNS) :]], read)
            for row in heads
        ]
    properties: dict[str, list[Any]] = {row[0]: [] for row in heads}
    tags: dict[str, list[Any]] = {row[0]: [] for row in heads}
    locations: dict[str, list[Any]] = {row[0]: [] for row in heads}
    ids = pad(list(properties))
    names = {f"id{number}": image_id for number, image_id in enumerate(ids)}
    for kind, image_id, first, second, store, number in conn.execute(_details(len(ids)), names).all():
        if kind == _PROPERTY:
            properties[image_id].append((first, second))
        elif kind == _TAG:
            tags[image_id].append((first,))
        else:
            locations[image_id].append((number, first, store, second))
    return [_image(row, [rows[row[0]] for rows in (properties, tags, locations)], read) for row in heads]


def _image(row: Row[*tuple[Any, ...]], gathered: Sequence[list[Any]], read: Callable[[str], Any]) -> Image:
    """``gathered`` are the rows of properties, tags and locations."""
    properties, tags, locations = gathered
    of_image: tuple[Any, ...] = (
        dict(sorted(properties)),
        tuple(tag for (tag,) in sorted(tags)),
        tuple(
            Location(number, url, store, dict(read(metadata)))
            for number, url, store, metadata in sorted(locations)
        ),
    )
    return Image(*row[:18], *of_image, *row[18 : len(COLUMNS)])
