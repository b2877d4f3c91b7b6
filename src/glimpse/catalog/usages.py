"""How much of what limits bound an owner's images take, as users are shown it."""

from sqlalchemy import Connection, case, func, select

from glimpse.catalog.ledger import COUNTED, IN_PLACES, IS_STAGED, IS_UPLOADING, Ledger, owned
from glimpse.catalog.records import Usage
from glimpse.catalog.repository import Repository, reads
from glimpse.catalog.tables import images


class Usages(Repository):
    """Sums and counts by owner; ``owner`` None: of images that nobody owns."""

    @reads
    def of(self, conn: Connection, owner: str | None) -> Usage:
        """All four, in two statements. Bytes of an image count once for each of its locations."""
        theirs = owned(owner)
        count, busy, staged = conn.execute(
            select(
                func.count(),
                func.sum(case((IS_UPLOADING, 1), else_=0)),
                func.sum(case((IS_STAGED, images.c.size), else_=0)),
            ).where(theirs, COUNTED)
        ).one()
        stored = conn.execute(
            select(func.sum(images.c.size)).select_from(IN_PLACES).where(theirs, COUNTED)
        ).scalar()
        return Usage(int(stored or 0), int(staged or 0), int(count), int(busy or 0))

    @reads
    def stored(self, conn: Connection, owner: str | None, but: str) -> int:
        """Bytes in stores, or granted to what is running but the import of this id."""
        return Ledger(conn, owner).stored(but)
