"""A TaskFlow jobboard on the service's own SQL database: the embedded default.

It is registered as ``sql`` under ``taskflow.jobboards`` beside TaskFlow's etcd, redis and zookeeper boards. Those say
that there is work, and the claim in the catalog says who does it; here both are the import record. So posting, claiming
and consuming write nothing: the record was written with the lock, is claimed by the conductor and ended by the flow.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from taskflow import exceptions, states
from taskflow.jobs import base
from taskflow.types import entity

from glimpse.catalog.database import Database
from glimpse.catalog.jobs import Jobs
from glimpse.catalog.records import Job as Record

# How often wait() looks: one indexed query of about 0.2 ms, so an idle conductor costs under 1 % of a core while a
# job starts within 30 ms on average.
POLL_SECONDS = 0.05


class SqlJob(base.Job):  # type: ignore[misc]
    """One import that has not ended, as it was when the board was looked at."""

    def __init__(self, board: SqlJobBoard, record: Record) -> None:
        details = {"import_id": record.import_id, "host": record.host}
        super().__init__(board, f"import-{record.import_id}", uuid=record.import_id, details=details)
        self.record = record

    @property
    def created_on(self) -> datetime:
        """When the import was asked for (UTC)."""
        return self.record.created_at

    @property
    def last_modified(self) -> datetime:
        """The same: what changes later is only who holds it."""
        return self.record.created_at

    @property
    def priority(self) -> base.JobPriority:
        """Always normal: jobs start in the order in which they were posted."""
        return base.JobPriority.NORMAL

    @property
    def state(self) -> str:
        """``COMPLETE``, ``CLAIMED`` or ``UNCLAIMED`` as the database has it now."""
        record = self.board.look(self.uuid)
        if record is None:
            return str(states.COMPLETE)
        return str(states.CLAIMED if holder(record) else states.UNCLAIMED)

    def extend_expiry(self, expiry: float) -> bool:
        """Whether the job is still held: the conductor's heartbeat has extended the claim in the catalog."""
        return self.board.find_owner(self) is not None


class SqlJobBoard(base.JobBoard):  # type: ignore[misc]
    """The imports in the catalog's database. ``conf`` holds ``database``: a Database or an SQLAlchemy URL."""

    def __init__(self, name: str, conf: Mapping[str, Any], persistence: object = None) -> None:
        super().__init__(name, conf)
        self._jobs: Jobs | None = None
        self._own: Database | None = None

    @property
    def connected(self) -> bool:
        """Whether :meth:`connect` was called and :meth:`close` was not."""
        return self._jobs is not None

    def connect(self) -> None:
        """Open the database where only its URL was given."""
        database = self._conf["database"]
        if isinstance(database, str):
            database = self._own = Database(database)
        self._jobs = Jobs(database)

    def close(self) -> None:
        """Close what :meth:`connect` opened."""
        self._jobs = None
        if self._own is not None:
            self._own.close()
            self._own = None

    @property
    def _repository(self) -> Jobs:
        if self._jobs is None:
            raise exceptions.JobFailure("The jobboard is not connected.")
        return self._jobs

    def look(self, uuid: str) -> Record | None:
        """The import as it is now; None when it has ended."""
        return self._repository.get(uuid)

    def iterjobs(self, only_unclaimed: bool = False, ensure_fresh: bool = False) -> Iterator[SqlJob]:
        """Jobs, the oldest first."""
        for record in self._repository.list():
            if not only_unclaimed or holder(record) is None:
                yield SqlJob(self, record)

    def wait(self, timeout: float | None = None) -> Iterator[SqlJob]:
        """Block until there is an unclaimed job, or raise ``NotFound`` after ``timeout`` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            jobs = list(self.iterjobs(only_unclaimed=True))
            if jobs:
                return iter(jobs)
            if deadline is not None and time.monotonic() >= deadline:
                raise exceptions.NotFound("No job was posted in time.")
            time.sleep(POLL_SECONDS)

    @property
    def job_count(self) -> int:
        """How many jobs are on the board, claimed or not."""
        return len(self._repository.list())

    def find_owner(self, job: SqlJob) -> str | None:
        """Who holds a living claim on the job."""
        record = self.look(job.uuid)
        return None if record is None else holder(record)

    def post(
        self,
        name: str,
        book: object = None,
        details: Mapping[str, Any] | None = None,
        priority: base.JobPriority = base.JobPriority.NORMAL,
    ) -> SqlJob:
        """The job of the import that ``details`` name; the record made it one. Raises ``NotFound``."""
        import_id = str((details or {}).get("import_id"))
        record = self.look(import_id)
        if record is None:
            raise exceptions.NotFound(f"There is no import {import_id} to be run.")
        return SqlJob(self, record)

    @base.check_who  # type: ignore[untyped-decorator]
    def claim(self, job: SqlJob, who: str, expiry: float | None = None) -> None:
        """Raises ``UnclaimableJob`` when another held it as the board was looked at. Who wins decides the catalog."""
        owner = holder(job.record)
        if owner is not None and owner != who:
            raise exceptions.UnclaimableJob(f"Job {job.uuid} is claimed by {owner}.")

    @base.check_who  # type: ignore[untyped-decorator]
    def consume(self, job: SqlJob, who: str) -> None:
        """Nothing: the end of the import took the job off the board."""

    @base.check_who  # type: ignore[untyped-decorator]
    def abandon(self, job: SqlJob, who: str) -> None:
        """Nothing: the conductor has released the import, or its lease runs out."""

    @base.check_who  # type: ignore[untyped-decorator]
    def trash(self, job: SqlJob, who: str) -> None:
        """Nothing: the import record, not the job, says what became of the work."""

    def register_entity(self, entity: entity.Entity) -> None:
        """Conductors are known by the claims in the catalog; nothing is kept here."""


def holder(record: Record) -> str | None:
    """Who holds the import by a lease that has not run out."""
    if record.lease_until is None or record.lease_until <= datetime.now(UTC):
        return None
    return record.claimed_by
