"""What all repositories share: the database, the clock, and methods that are transactions."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection

from glimpse.catalog.database import Database

Clock = Callable[[], datetime]

# Hours that an ended task stays readable, as in ``[task] task_time_to_live``.
TASK_TIME_TO_LIVE = 48.0


def utcnow() -> datetime:
    """The time now, aware."""
    return datetime.now(UTC)


class Repository:
    """A part of the catalog. Each method is one short transaction: see :func:`reads` and :func:`writes`."""

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


Self_ = TypeVar("Self_", bound=Repository)
Given = ParamSpec("Given")
Answer = TypeVar("Answer")
Method = Callable[Concatenate[Self_, Given], Answer]
Work = Callable[Concatenate[Self_, Connection, Given], Answer]


def reads(work: Work[Self_, Given, Answer]) -> Method[Self_, Given, Answer]:
    """A method that is one reading transaction. Callers leave its connection out."""
    return _transaction(work, writes=False, harmless=True)


def looks(work: Work[Self_, Given, Answer]) -> Method[Self_, Given, Answer]:
    """As :func:`reads`, for a single statement."""
    return _transaction(work, writes=False, harmless=True, once=True)


def writes(work: Work[Self_, Given, Answer]) -> Method[Self_, Given, Answer]:
    """A method that is one writing transaction, run again from its beginning after a deadlock."""
    return _transaction(work, writes=True, harmless=False)


def writes_again(work: Work[Self_, Given, Answer]) -> Method[Self_, Given, Answer]:
    """As :func:`writes`, where doing it twice does what doing it once does: so it is done again even when the
    connection broke in the middle of the commit.
    """
    return _transaction(work, writes=True, harmless=True)


def _transaction(
    work: Work[Self_, Given, Answer], *, writes: bool, harmless: bool, once: bool = False
) -> Method[Self_, Given, Answer]:
    @wraps(work)
    def method(self: Self_, /, *args: Given.args, **kwargs: Given.kwargs) -> Answer:
        return self.db.run(
            lambda conn: work(self, conn, *args, **kwargs), writes=writes, harmless=harmless, once=once
        )

    return method
