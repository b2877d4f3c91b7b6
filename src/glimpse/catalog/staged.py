"""What is known about data that waits in staging: where it lies, and what was found while it came in."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from glimpse.catalog.records import StagedFile
from glimpse.catalog.repository import Repository, reads, writes_again
from glimpse.catalog.tables import staged as table

# Inode and device numbers use all 64 bits on some file systems (overlayfs); a database's numbers are signed.
UNSIGNED = ("device", "inode")


class Staged(Repository):
    """Staged files by the image they belong to; :meth:`Uploads.complete_stage` makes them."""

    @reads
    def get(self, conn: Connection, image_id: str) -> StagedFile | None:
        """The image's staged file, or None."""
        return _find(conn, image_id)

    @writes_again
    def remove(self, conn: Connection, image_id: str) -> None:
        """Forget it; harmless when repeated."""
        forget(conn, image_id)

    @reads
    def ids(self, conn: Connection, host: str) -> set[str]:
        """The images that have a staged file on this host."""
        return set(conn.execute(select(table.c.image_id).where(table.c.host == host)).scalars())


def put(conn: Connection, file: StagedFile) -> None:
    """Record a staged file in the place of an earlier one."""
    forget(conn, file.image_id)
    row = asdict(file) | {"digests": dict(file.digests)}
    for name in UNSIGNED:
        row[name] = _signed(row[name])
    conn.execute(insert(table).values(row))


def take(conn: Connection, image_id: str) -> StagedFile | None:
    """Forget the image's staged file and say what it was."""
    file = _find(conn, image_id)
    if file is not None:
        forget(conn, image_id)
    return file


def forget(conn: Connection, image_id: str) -> None:
    """Forget the image's staged file, if there is one."""
    conn.execute(delete(table).where(table.c.image_id == image_id))


def _find(conn: Connection, image_id: str) -> StagedFile | None:
    row = conn.execute(select(table).where(table.c.image_id == image_id)).first()
    return None if row is None else _record(row)


def _record(row: Row[*tuple[Any, ...]]) -> StagedFile:
    values = dict(row._mapping)
    for name in UNSIGNED:
        values[name] %= 2**64
    return StagedFile(**values)


def _signed(number: int) -> int:
    return number - 2**64 if number >= 2**63 else number
