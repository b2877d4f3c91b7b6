"""One database and how to talk to it: short transactions, run again from their beginning where that is safe."""

import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from glimpse.catalog.engines import Pool, make_engines
from glimpse.catalog.faults import Fault, OutcomeUnknown, fault
from glimpse.catalog.turns import Turns
from glimpse.catalog.urls import database_url, place
from glimpse.config.options.database import Database as Options
from glimpse.errors import GlimpseError, Invalid, Unavailable

# How long a transaction is tried again. A server restarts in one to five seconds; a client that waits for its
# answer for longer than ten has mostly given up.
PATIENCE_SECONDS = 10.0
# The first pause is random up to the first number, the next up to twice that, and so on up to the second: two
# that have blocked each other must not meet again.
PAUSE_SECONDS = (0.01, 0.5)

# Running the transaction again may help.
TRANSIENT = frozenset({Fault.UNDONE, Fault.LOST, Fault.AWAY})

Result = TypeVar("Result")


class Database:
    """A database by its URL. Thread-safe; open one per process (never carry one over a fork).

    Raises Invalid for a URL that cannot be used; connections are made when they are needed.
    """

    def __init__(self, url: str | URL, pool: Pool | None = None) -> None:
        self.url = database_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._engines = make_engines(self.url, pool or Pool())
        self._turns = Turns(self.url)

    @classmethod
    def open(cls, options: Options) -> "Database":
        """The configured database, once it can be reached. Raises Unavailable when it cannot."""
        pool = Pool(
            options.max_pool_size,
            options.max_overflow,
            options.pool_timeout,
            options.connection_recycle_time,
        )
        db = cls(options.connection, pool)
        db.reach(options.max_retries, options.retry_interval)
        return db

    @property
    def dialect(self) -> str:
        """``sqlite``, ``postgresql`` or ``mysql`` (which MariaDB is, too)."""
        return self._engines.reads.dialect.name

    def reach(self, retries: int = 0, interval: float = 0) -> None:
        """Wait for the server: connect, and where nobody answers try again so often (-1: for ever), with
        ``interval`` seconds between. Raises Unavailable.
        """
        if self.is_sqlite:
            return
        while True:
            try:
                self._engines.reads.connect().close()
                return
            except SQLAlchemyError as error:
                kind = fault(error, connected=False)
                if retries == 0 or kind not in (Fault.AWAY, Fault.LOST):
                    raise self._explained(error, kind) from error
            retries -= 1
            time.sleep(interval)

    @contextmanager
    def read(self, *, once: bool = False) -> Iterator[Connection]:
        """A connection on which nothing may be written; all its statements see the same moment. ``once``: there is one
        statement only, which does so by itself (PostgreSQL: a third of the time is beginning and ending).
        """
        engine = self._engines.looks if once else self._engines.reads
        with engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A connection in a transaction: committed (durably) at the end of the block, undone by an exception.

        On SQLite nobody else writes from its first to its last line, so what it reads stays true; on servers
        that holds for rows read FOR UPDATE. A block cannot be run again: :meth:`run` does that.
        """
        turn = self._turns.turn() if self.is_sqlite else nullcontext()
        with turn, self._engines.writes.connect() as connection, connection.begin():
            yield connection

    def run(
        self,
        work: Callable[[Connection], Result],
        *,
        writes: bool = False,
        harmless: bool = False,
        once: bool = False,
    ) -> Result:
        """Do ``work`` in a transaction and give its answer.

        Deadlocks and broken connections undo the whole transaction; then ``work`` is run again from its
        beginning, so it must keep its hands off everything but the connection. Only a connection that breaks
        while the commit is on its way leaves open what has happened: then OutcomeUnknown is raised, unless
        ``harmless`` says that the work may as well be done twice. Raises Unavailable where trying again for ten
        seconds did not help, and Invalid for values that the database cannot hold. ``once`` is as in :meth:`read`.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        longest, limit = PAUSE_SECONDS
        while True:
            connected = committing = False
            try:
                with self.write() if writes else self.read(once=once) as connection:
                    connected = True
                    result = work(connection)
                    committing = writes
                return result
            except (SQLAlchemyError, sqlite3.Error, OverflowError, ValueError) as error:
                kind = fault(error, connected=connected)
                if kind is Fault.OTHER:
                    raise
                if kind is Fault.LOST and committing and not harmless:
                    raise OutcomeUnknown(
                        "The database went away while it was saving a change; look whether it was made.",
                    ) from error
                if kind not in TRANSIENT or time.monotonic() >= deadline:
                    raise self._explained(error, kind) from error
            time.sleep(random.uniform(0, longest))
            longest = min(longest * 2, limit)

    def upgrade(self) -> None:
        """Bring the schema to this version, from nothing or from any earlier one; safe when many start at
        once. Raises Invalid where the schema is none of ours.
        """
        from glimpse.catalog.migrate import upgrade  # Alembic takes 0.1 s to import and is needed only here.

        with self.write() as connection:
            upgrade(connection)

    def close(self) -> None:
        """Close every connection that is not in use; the database can still be used afterwards."""
        self._engines.reads.dispose()
        self._turns.close()

    def _explained(self, error: Exception, kind: Fault) -> GlimpseError:
        """The same in the words of this service."""
        words = str(error.orig if isinstance(error, DBAPIError) else error).strip()
        if kind is Fault.UNFIT:
            return Invalid(f"A value does not fit into the database: {words}")
        hint = "Check [database] connection." if kind is Fault.REFUSED else ""
        return Unavailable(f"The database {place(self.url)} cannot be used now: {words}", hint=hint)
