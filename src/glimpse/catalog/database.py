"""One database and how to talk to it: short transactions, readers that see one moment, writers one at a time."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

# A writer may have to wait for all others: 16 of them at 2 ms each is far below; an fsync on a busy disk may
# take a second. What takes longer than this is broken, and says so.
SQLITE_BUSY_SECONDS = 60.0

# Threads of one process that may talk to the database at once; more wait for a connection.
POOL_SIZE = 5
POOL_OVERFLOW = 50


class Database:
    """A database by its SQLAlchemy URL. Thread-safe; open one per process (never carry one over a fork)."""

    def __init__(self, url: str | URL) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._engine = _sqlite_engine(self.url) if self.is_sqlite else _server_engine(self.url)
        self._writers = self._engine.execution_options(glimpse_writes=True)
        # SQLite lets one writer in at a time and makes the others poll with growing pauses. Threads of one
        # process queue here instead, which is fair and wakes at once; only other processes are waited for by
        # polling.
        self._turn: AbstractContextManager[Any] = threading.Lock() if self.is_sqlite else nullcontext()

    @property
    def dialect(self) -> str:
        """``sqlite``, ``postgresql``, ``mysql`` or ``mariadb``."""
        return self._engine.dialect.name

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection on which nothing may be written; on SQLite all its statements see the same moment."""
        with self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A connection in a transaction: committed (durably) at the end of the block, undone by an exception.

        On SQLite nobody else writes from its first to its last line, so what it reads stays true.
        """
        with self._turn, self._writers.connect() as connection, connection.begin():
            yield connection

    def upgrade(self) -> None:
        """Bring the schema to this version, from nothing or from any earlier one; safe when many start at
        once.
        """
        from glimpse.catalog.migrate import upgrade  # Alembic takes 0.1 s to import and is needed only here.

        with self.write() as connection:
            upgrade(connection)

    def close(self) -> None:
        """Close every connection that is not in use; the database can still be used afterwards."""
        self._engine.dispose()


def _server_engine(url: URL) -> Engine:
    """READ COMMITTED, because compare-and-swap wants to see what others have committed, not an old snapshot."""
    return create_engine(
        url,
        isolation_level="READ COMMITTED",
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW,
        pool_pre_ping=True,
        pool_recycle=3600,
    )


def _sqlite_engine(url: URL) -> Engine:
    engine = create_engine(
        url,
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW,
        connect_args={"timeout": SQLITE_BUSY_SECONDS, "check_same_thread": False, "cached_statements": 512},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
        """Take transaction control from the sqlite3 module, which begins too late and never IMMEDIATE."""
        connection.isolation_level = None
        cursor = connection.cursor()
        _use_wal(cursor)
        # FULL: with WAL, NORMAL may lose the last commits when the power fails.
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        """A transaction that reads first and then writes fails at once when another has written in between;
        taking the write lock at the start waits instead (measured: 4 writers lose none).
        """
        writes = connection.get_execution_options().get("glimpse_writes", False)
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.execute("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _use_wal(cursor: Any) -> None:
    """The journal mode is kept in the file; changing it needs the file alone and does not wait for its turn."""
    waited = threading.Event()
    for attempt in range(600):
        try:
            if cursor.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
                return
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or attempt == 599:
                raise
            waited.wait(0.05)
