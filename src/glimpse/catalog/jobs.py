"""The rows of the SQL jobboard. They say that there is work; who does it is decided by the claim on the
import.
"""

import uuid
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, or_, select, update

from glimpse.catalog.records import Job
from glimpse.catalog.repository import Repository, reads, writes, writes_again
from glimpse.catalog.tables import jobs as table


class Jobs(Repository):
    """Jobs by their ids. A claim is a lease: it ends by itself unless extended."""

    @writes
    def post(
        self, conn: Connection, name: str, details: Mapping[str, object], host: str | None = None
    ) -> str:
        """A new job's id. ``host``: only for that host's conductors (None: any)."""
        job_id = str(uuid.uuid4())
        row = {"uuid": job_id, "name": name, "details": dict(details), "host": host, "created_at": self.now()}
        conn.execute(insert(table).values(row))
        return job_id

    @reads
    def list(self, conn: Connection) -> tuple[Job, ...]:
        """Every job that is not consumed, the oldest first."""
        columns = [table.c[name] for name in Job.__dataclass_fields__]
        rows = conn.execute(select(*columns).order_by(table.c.created_at, table.c.uuid))
        return tuple(Job(*row) for row in rows)

    def claim(self, job_id: str, who: str, lease: float) -> bool:
        """Take a job that nobody holds; False when somebody does, or when there is no such job."""
        free = or_(table.c.owner.is_(None), table.c.lease_until <= self.now())
        return self._hold(and_(table.c.uuid == job_id, free), who, self.in_seconds(lease))

    def extend(self, job_id: str, who: str, lease: float) -> bool:
        """Hold it for ``lease`` seconds from now; False when ``who`` does not hold it any more."""
        return self._hold(self._held_by(job_id, who), who, self.in_seconds(lease))

    def abandon(self, job_id: str, who: str) -> bool:
        """Give it back to all; False when ``who`` does not hold it."""
        return self._hold(self._held_by(job_id, who), None, None)

    @writes
    def consume(self, conn: Connection, job_id: str, who: str) -> bool:
        """The work is done: remove the job. False when ``who`` does not hold it."""
        return bool(conn.execute(delete(table).where(self._held_by(job_id, who))).rowcount)

    @reads
    def owner(self, conn: Connection, job_id: str) -> str | None:
        """Who holds the job now, or None."""
        held = select(table.c.owner).where(table.c.uuid == job_id, table.c.lease_until > self.now())
        return conn.execute(held).scalar()

    @writes_again
    def _hold(
        self, conn: Connection, which: ColumnElement[bool], who: str | None, until: datetime | None
    ) -> bool:
        change = update(table).where(which).values(owner=who, lease_until=until)
        return bool(conn.execute(change).rowcount)

    @staticmethod
    def _held_by(job_id: str, who: str) -> ColumnElement[bool]:
        return and_(table.c.uuid == job_id, table.c.owner == who)
