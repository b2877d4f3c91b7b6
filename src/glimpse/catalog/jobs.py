"""What is to be done: the imports that have not ended, as jobs for the SQL jobboard."""

from sqlalchemy import Connection, select

from glimpse.catalog.records import Job
from glimpse.catalog.repository import Repository, reads
from glimpse.catalog.tables import imports

_OPEN = (
    select(imports.c.id, imports.c.host, imports.c.claimed_by, imports.c.lease_until, imports.c.created_at)
    .where(imports.c.status.in_(["pending", "processing"]))
    .order_by(imports.c.created_at, imports.c.id)
)


class Jobs(Repository):
    """The import record is the job: it is posted with the lock and done with its end, each in one transaction.

    Rows of their own cost four transactions for each import, a third of all (200 images of 1 MiB on SQLite:
    33 a second with them).
    """

    @reads
    def list(self, conn: Connection) -> tuple[Job, ...]:
        """Every import that has not ended, the oldest first."""
        return tuple(Job(*row) for row in conn.execute(_OPEN))

    @reads
    def get(self, conn: Connection, import_id: str) -> Job | None:
        """One of them; None when it has ended, or never was."""
        row = conn.execute(_OPEN.where(imports.c.id == import_id)).first()
        return None if row is None else Job(*row)
