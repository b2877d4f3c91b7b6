"""What all repositories share: the database, the clock, and how an end of life is reckoned."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from glimpse.catalog.database import Database

Clock = Callable[[], datetime]

# Hours that an ended task stays readable, as in ``[task] task_time_to_live``.
TASK_TIME_TO_LIVE = 48.0


def utcnow() -> datetime:
    """The time now, aware."""
    return datetime.now(UTC)


class Repository:
    """A part of the catalog. Each method that writes is one short transaction."""

    def __init__(self, db: Database, clock: Clock = utcnow, task_time_to_live: float = TASK_TIME_TO_LIVE):
        self.db = db
        self._clock = clock
        self._task_life = timedelta(hours=task_time_to_live)

    def now(self) -> datetime:
        """The time by the catalog's clock."""
        return self._clock()

    def in_seconds(self, seconds: float) -> datetime:
        """When a lease of this length, taken now, ends."""
        return self._clock() + timedelta(seconds=seconds)

    def task_expiry(self) -> datetime:
        """When a task that ends now may be forgotten."""
        return self._clock() + self._task_life
