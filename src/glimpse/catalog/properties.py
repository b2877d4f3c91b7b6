"""Properties of images, as rows that are changed one by one.

Every caller holds the image's row (it has changed or locked it in the same transaction), so that two writers
of one image come one after the other, whatever the database.
"""

import hashlib
from collections.abc import Collection, Mapping

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from glimpse.catalog.records import RESERVED_PREFIX
from glimpse.catalog.tables import image_properties as table
from glimpse.errors import Forbidden

_UPDATE = (
    update(table)
    .where(table.c.image_id == bindparam("of"), table.c.name == bindparam("key"))
    .values(value=bindparam("value"), fingerprint=bindparam("fingerprint"))
)
_CURRENT = select(table.c.name, table.c.value).where(
    table.c.image_id == bindparam("of"), table.c.name.in_(bindparam("names", expanding=True))
)


def fingerprint(name: str, value: str | None) -> int:
    """64 bits (signed) of name and value, by which a property is found; equal pairs have equal ones."""
    hashed = hashlib.blake2b(f"{name}\0{value}".encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(hashed.digest(), "big", signed=True)


def refuse_reserved(names: Collection[str]) -> None:
    """Raise Forbidden where a user's change names a property that is the service's own."""
    for name in sorted(names):
        if name.startswith(RESERVED_PREFIX):
            raise Forbidden(f"Property {name} is reserved and cannot be changed.")


def current(conn: Connection, image_id: str, names: Collection[str]) -> dict[str, str | None]:
    """Those of ``names`` that the image has, with their values."""
    if not names:
        return {}
    rows = conn.execute(_CURRENT, {"of": image_id, "names": list(names)})
    return {row.name: row.value for row in rows}


def add(conn: Connection, image_id: str, values: Mapping[str, str | None]) -> None:
    """Insert properties that the image does not have."""
    if values:
        conn.execute(
            insert(table),
            [
                {"image_id": image_id, "name": name, "value": value, "fingerprint": fingerprint(name, value)}
                for name, value in values.items()
            ],
        )


def put(
    conn: Connection,
    image_id: str,
    values: Mapping[str, str | None],
    known: Mapping[str, str | None] | None = None,
) -> None:
    """Set properties; rows that already hold their value are left alone. ``known``: what :func:`current` says."""
    if known is None:
        known = current(conn, image_id, values.keys())
    add(conn, image_id, {name: value for name, value in values.items() if name not in known})
    for name, value in values.items():
        if name in known and known[name] != value:
            row = {"of": image_id, "key": name, "value": value, "fingerprint": fingerprint(name, value)}
            conn.execute(_UPDATE, row)


def remove(conn: Connection, image_id: str, names: Collection[str] | None = None) -> None:
    """Remove the named properties (None: all); one that is not there is no error."""
    if names is None:
        conn.execute(delete(table).where(table.c.image_id == image_id))
    elif names:
        conn.execute(delete(table).where(table.c.image_id == image_id, table.c.name.in_(list(names))))
