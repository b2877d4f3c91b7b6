"""From rows to images: properties, tags and locations of one image or of a page of them, in one statement."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Connection, Row, bindparam, literal_column, select, union_all

from glimpse.catalog import tables as t
from glimpse.catalog.records import Image, Location

# In the order of Image's fields; the lock comes from the running import.
COLUMNS = (
    *(t.images.c[name] for name in list(Image.__dataclass_fields__)[:18]),
    t.images.c.claim,
    t.imports.c.id.label("import_id"),
)
HEAD = select(*COLUMNS).select_from(t.images.outerjoin(t.imports, t.imports.c.lock_image_id == t.images.c.id))

_NO_TEXT: Any = literal_column("''")
_NO_NUMBER: Any = literal_column("0", BigInteger)
_IDS: Any = bindparam("ids", expanding=True)
_PROPERTY, _TAG, _LOCATION = "p", "t", "l"


def _kind(kind: str) -> Any:
    return literal_column(f"'{kind}'").label("kind")


def _rows_of(table: Any, kind: str, *columns: Any) -> Any:
    return select(_kind(kind), table.c.image_id, *columns).where(table.c.image_id.in_(_IDS))


# One statement instead of three: a listing of 25 takes 25 % less time (and on a server, two round trips
# less).
_DETAILS = union_all(
    _rows_of(
        t.image_properties,
        _PROPERTY,
        t.image_properties.c.name.label("first"),
        t.image_properties.c.value.label("second"),
        _NO_TEXT.label("store"),
        _NO_NUMBER.label("number"),
    ),
    _rows_of(t.image_tags, _TAG, t.image_tags.c.tag, _NO_TEXT, _NO_TEXT, _NO_NUMBER),
    _rows_of(
        t.image_locations,
        _LOCATION,
        t.image_locations.c.url,
        # As text: the columns of a union have one type, and this one is decoded below.
        literal_column("metadata"),
        t.image_locations.c.store,
        t.image_locations.c.id,
    ),
)


def complete(conn: Connection, heads: Sequence[Row[*tuple[Any, ...]]]) -> list[Image]:
    """The images of these rows of :data:`HEAD`, in their order."""
    if not heads:
        return []
    properties: dict[str, dict[str, str | None]] = {}
    tags: dict[str, list[str]] = {}
    locations: dict[str, list[Location]] = {}
    for head in heads:
        properties[head[0]], tags[head[0]], locations[head[0]] = {}, [], []
    for kind, image_id, first, second, store, number in conn.execute(_DETAILS, {"ids": list(properties)}):
        if kind == _PROPERTY:
            properties[image_id][first] = second
        elif kind == _TAG:
            tags[image_id].append(first)
        else:
            locations[image_id].append(Location(number, first, store, json.loads(second)))
    images = []
    for head in heads:
        image_id = head[0]
        of_image: tuple[Any, ...] = (
            dict(sorted(properties[image_id].items())),
            tuple(sorted(tags[image_id])),
            tuple(sorted(locations[image_id], key=lambda location: location.id)),
        )
        images.append(Image(*head[:18], *of_image, *head[18:]))
    return images
