"""Tags of images, a set of rows for each. Callers hold the image's row, as with properties."""

from collections.abc import Collection

from sqlalchemy import Connection, delete, insert, select

from glimpse.catalog.tables import image_tags as table


def add(conn: Connection, image_id: str, tags: Collection[str]) -> None:
    """Insert tags that the image does not have."""
    if tags:
        conn.execute(insert(table), [{"image_id": image_id, "tag": tag} for tag in sorted(set(tags))])


def replace(conn: Connection, image_id: str, tags: Collection[str]) -> None:
    """Make the image's tags exactly these, touching only rows that differ."""
    wanted = set(tags)
    known = set(conn.execute(select(table.c.tag).where(table.c.image_id == image_id)).scalars())
    surplus = known - wanted
    if surplus:
        conn.execute(delete(table).where(table.c.image_id == image_id, table.c.tag.in_(sorted(surplus))))
    add(conn, image_id, wanted - known)


def remove_all(conn: Connection, image_id: str) -> None:
    """Remove every tag."""
    conn.execute(delete(table).where(table.c.image_id == image_id))
