"""A TaskFlow jobboard on the service's own SQL database: the embedded default.

It is registered as ``sql`` under ``taskflow.jobboards`` beside TaskFlow's etcd, redis and zookeeper boards and keeps
their contract. Claims are leases; a claim that is not extended in time is anybody's again.
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
from glimpse.catalog.records import Job as Row

# How often wait() looks: one indexed query of about 0.2 ms, so an idle conductor costs under 1 % of a core while a
# job starts within 30 ms on average.
POLL_SECONDS = 0.05

# What TaskFlow's etcd and redis boards take when none is given.
DEFAULT_LEASE_SECONDS = 30.0


class SqlJob(base.Job):  # type: ignore[misc]
    """One posted job, as a row of the ``jobs`` table."""

    def __init__(self, board: SqlJobBoard, row: Row) -> None:
        super().__init__(board, row.name, uuid=row.uuid, details=dict(row.details))
        self._row = row

    @property
    def created_on(self) -> datetime:
        """When the job was posted (UTC)."""
        return self._row.created_at

    @property
    def last_modified(self) -> datetime:
        """The same: what changes later is only who holds it."""
        return self._row.created_at

    @property
    def priority(self) -> base.JobPriority:
        """Always normal: jobs start in the order in which they were posted."""
        return base.JobPriority.NORMAL

    @property
    def state(self) -> str:
        """``COMPLETE``, ``CLAIMED`` or ``UNCLAIMED`` as the database has it now."""
        if all(job.uuid != self.uuid for job in self.board.iterjobs()):
            return str(states.COMPLETE)
        return str(states.CLAIMED if self.board.find_owner(self) else states.UNCLAIMED)

    def extend_expiry(self, expiry: float) -> bool:
        """Keep the claim for ``expiry`` more seconds from now; whether it was still held."""
        return bool(self.board.extend(self, expiry))


class SqlJobBoard(base.JobBoard):  # type: ignore[misc]
    """Jobs in the catalog's database. ``conf`` holds ``database``: a Database or an SQLAlchemy URL."""

    def __init__(self, name: str, conf: Mapping[str, Any], persistence: object = None) -> None:
        super().__init__(name, conf)
        self._jobs: Jobs | None = None
        self._own: Database | None = None
        self._claimed: dict[str, str] = {}

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

    def iterjobs(self, only_unclaimed: bool = False, ensure_fresh: bool = False) -> Iterator[SqlJob]:
        """Jobs, the oldest first."""
        now = datetime.now(UTC)
        for row in self._repository.list():
            free = row.owner is None or row.lease_until is None or row.lease_until <= now
            if free or not only_unclaimed:
                yield SqlJob(self, row)

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
        return self._repository.owner(job.uuid)

    def post(
        self,
        name: str,
        book: object = None,
        details: Mapping[str, Any] | None = None,
        priority: base.JobPriority = base.JobPriority.NORMAL,
    ) -> SqlJob:
        """Put a job on the board."""
        details = dict(details or {})
        uuid = self._repository.post(name, details, details.get("host"))
        return SqlJob(self, Row(uuid, name, details, details.get("host"), None, None, datetime.now(UTC)))

    @base.check_who  # type: ignore[untyped-decorator]
    def claim(self, job: SqlJob, who: str, expiry: float | None = None) -> None:
        """Claim the job for ``expiry`` seconds. Raises ``UnclaimableJob`` when another holds it."""
        lease = DEFAULT_LEASE_SECONDS if expiry is None else expiry
        if not self._repository.claim(job.uuid, who, lease):
            raise exceptions.UnclaimableJob(f"Job {job.uuid} is claimed by another or no longer there.")
        self._claimed[job.uuid] = who

    def extend(self, job: SqlJob, lease: float) -> bool:
        """Extend this process's own claim by ``lease`` seconds from now; False when it is lost."""
        who = self._claimed.get(job.uuid)
        return who is not None and self._repository.extend(job.uuid, who, lease)

    @base.check_who  # type: ignore[untyped-decorator]
    def consume(self, job: SqlJob, who: str) -> None:
        """Take the finished job off the board. Raises ``JobFailure`` when ``who`` does not hold it."""
        self._claimed.pop(job.uuid, None)
        if not self._repository.consume(job.uuid, who):
            raise exceptions.JobFailure(f"Job {job.uuid} is not claimed by {who}.")

    @base.check_who  # type: ignore[untyped-decorator]
    def abandon(self, job: SqlJob, who: str) -> None:
        """Give the claim back. Raises ``JobFailure`` when ``who`` does not hold it."""
        self._claimed.pop(job.uuid, None)
        if not self._repository.abandon(job.uuid, who):
            raise exceptions.JobFailure(f"Job {job.uuid} is not claimed by {who}.")

    @base.check_who  # type: ignore[untyped-decorator]
    def trash(self, job: SqlJob, who: str) -> None:
        """Same as :meth:`consume`: the import record, not the job, says what became of the work."""
        self.consume(job, who)

    def register_entity(self, entity: entity.Entity) -> None:
        """Conductors are known by the claims in the catalog; nothing is kept here."""
