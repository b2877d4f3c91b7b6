"""Locations of images: each row makes one object in a store the image's data."""

from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from glimpse.catalog.records import Location, NewLocation
from glimpse.catalog.tables import image_locations as table


def add(
    conn: Connection, image_id: str, location: NewLocation, now: datetime, import_id: str | None = None
) -> None:
    """Record a location; ``import_id`` says which import made it."""
    conn.execute(
        insert(table).values(
            image_id=image_id,
            store=location.store,
            url=location.url,
            metadata=dict(location.metadata),
            import_id=import_id,
            created_at=now,
        )
    )


def remove(conn: Connection, image_id: str, import_id: str | None = None) -> tuple[Location, ...]:
    """Remove the image's locations (only those that ``import_id`` made, if given) and say what they were."""
    mine = table.c.image_id == image_id
    if import_id is not None:
        mine &= table.c.import_id == import_id
    rows = conn.execute(select(table.c.id, table.c.url, table.c.store, table.c.metadata).where(mine))
    gone = tuple(Location(*row) for row in rows.all())
    if gone:
        conn.execute(delete(table).where(table.c.id.in_([location.id for location in gone])))
    return tuple(sorted(gone, key=lambda location: location.id))
