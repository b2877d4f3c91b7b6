"""From rows to images: properties, tags and locations of one image or of a page of them, in one statement.

The statements are kept, and take lists of ids whose lengths are powers of two: building one costs more than
running it.
"""

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    CompoundSelect,
    Connection,
    Row,
    Select,
    Table,
    bindparam,
    false,
    literal_column,
    select,
    union_all,
)

from glimpse.catalog import tables as t
from glimpse.catalog.conditions import pad
from glimpse.catalog.records import Image, Location, Viewer
from glimpse.catalog.visibility import PROJECT, Sight, seen, sight

# In the order of Image's fields; the lock comes from the running import.
COLUMNS = (
    *(t.images.c[name] for name in list(Image.__dataclass_fields__)[:18]),
    t.images.c.claim,
    t.imports.c.id.label("import_id"),
)
HEAD = select(*COLUMNS).select_from(t.images.outerjoin(t.imports, t.imports.c.lock_image_id == t.images.c.id))

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


@lru_cache(8)
def _head(kind: Sight) -> Select[Any]:
    return HEAD.where(t.images.c.id == bindparam("of"), t.images.c.deleted == false(), seen(kind))


def find(conn: Connection, image_id: str, viewer: Viewer | None) -> Image | None:
    """The image, where the viewer may know of it."""
    values = {"of": image_id, PROJECT: None if viewer is None else viewer.project}
    found = complete(conn, conn.execute(_head(sight(viewer)), values).all())
    return found[0] if found else None


def complete(conn: Connection, heads: Sequence[Row[*tuple[Any, ...]]]) -> list[Image]:
    """The images of these rows of :data:`HEAD`, in their order."""
    if not heads:
        return []
    properties: dict[str, dict[str, str | None]] = {}
    tags: dict[str, list[str]] = {}
    locations: dict[str, list[Location]] = {}
    for head in heads:
        properties[head[0]], tags[head[0]], locations[head[0]] = {}, [], []
    # The metadata of a whole page mostly says the same; reading it each time is a twelfth of the Python work.
    known: dict[str, dict[str, object]] = {}
    ids = pad(list(properties))
    names = {f"id{number}": image_id for number, image_id in enumerate(ids)}
    for kind, image_id, first, second, store, number in conn.execute(_details(len(ids)), names).all():
        if kind == _PROPERTY:
            properties[image_id][first] = second
        elif kind == _TAG:
            tags[image_id].append(first)
        else:
            if second not in known:
                known[second] = json.loads(second)
            locations[image_id].append(Location(number, first, store, dict(known[second])))
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
