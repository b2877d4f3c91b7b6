"""Connections to each kind of database, and how a transaction begins on them.

A transaction that only reads sees one moment; one that writes sees what others have committed, since
compare-and-swap has no use for an old snapshot.
"""

import math
import sqlite3
import threading
import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection, ExecutionContext
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry

# A writer may have to wait for all others: 16 of them at 2 ms each is far below; an fsync on a busy disk may
# take a second. What takes longer than this is broken, and says so.
SQLITE_BUSY_SECONDS = 60.0

# A connection that has rested for longer than this is asked whether it lives before it is used. Asking each time
# costs a round trip (a fifth of a show); one that breaks in between is replaced by running the transaction again.
RESTED_SECONDS = 1.0

# How long a connection may take to be made, and when a silent peer counts as dead: without these, a host that
# has lost its power holds a thread for two hours.
POSTGRESQL_PATIENCE = {
    "connect_timeout": 10,
    "keepalives_idle": 20,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}

# After so many times the driver has a statement kept that nobody told it to. (None would forbid it altogether.)
NEVER_BY_ITSELF = 1 << 62

# Execution options of connections: it is for writing; one statement is all that will be read.
WRITES = "glimpse_writes"
ALONE = "glimpse_alone"
# An execution option of statements: the best plan is the same for any values, so the server may keep it. (PostgreSQL's
# choice between one for any and one for these values is a guess: for listings with filters it was often wrong.)
ONE_PLAN = "glimpse_one_plan"


@dataclass(frozen=True, slots=True)
class Pool:
    """How many connections a process keeps; the defaults are those of ``[database]``."""

    size: int = 5
    overflow: int = 50
    timeout: float = 30.0
    recycle: float = 3600


@dataclass(frozen=True, slots=True)
class Engines:
    """On one pool of connections: for reading, for a single statement that reads, and for writing."""

    reads: Engine
    looks: Engine
    writes: Engine


def make_engines(url: URL, pool: Pool) -> Engines:
    """Engines for the kind of database that the URL names. Nothing is connected yet."""
    options: dict[str, Any] = {
        # Values are users' data, and no business of a log.
        "hide_parameters": True,
        "pool_size": pool.size,
        "max_overflow": pool.overflow,
        "pool_timeout": pool.timeout,
        "pool_recycle": int(pool.recycle),
    }
    make = {"sqlite": _sqlite, "postgresql": _postgresql, "mysql": _mariadb}.get(
        url.get_backend_name(), _other
    )
    return make(url, options)


def _sqlite(url: URL, options: dict[str, Any]) -> Engines:
    engine = create_engine(
        url,
        connect_args={"timeout": SQLITE_BUSY_SECONDS, "check_same_thread": False, "cached_statements": 512},
        **options,
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
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.execute("BEGIN IMMEDIATE" if _writes(connection) else "BEGIN")

    return Engines(engine, engine, engine.execution_options(**{WRITES: True}))


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


def _postgresql(url: URL, options: dict[str, Any]) -> Engines:
    """We begin transactions ourselves, so that a reading one that is a single statement needs none."""
    patience = {name: value for name, value in POSTGRESQL_PATIENCE.items() if name not in url.query}
    engine = create_engine(
        url,
        isolation_level="AUTOCOMMIT",
        connect_args={"prepare_threshold": NEVER_BY_ITSELF, **patience},
        **options,
    )
    _ask_the_rested(engine)

    @event.listens_for(engine, "do_execute")
    def execute(cursor: Any, statement: str, parameters: Any, context: ExecutionContext) -> bool:
        """Done here where a statement is to be kept, else by the dialect."""
        if not context.execution_options.get(ONE_PLAN):
            return False
        cursor.execute(statement, parameters, prepare=True)
        return True

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        """READ COMMITTED is named because the server may have another default."""
        if connection.get_execution_options().get(ALONE):
            return
        level = "READ COMMITTED" if _writes(connection) else "REPEATABLE READ READ ONLY"
        connection.exec_driver_sql(f"BEGIN ISOLATION LEVEL {level}")

    return Engines(
        engine, engine.execution_options(**{ALONE: True}), engine.execution_options(**{WRITES: True})
    )


def _mariadb(url: URL, options: dict[str, Any]) -> Engines:
    """Readers are the many: their level is the connection's, and a writer changes it for its one transaction."""
    engine = create_engine(url, isolation_level="REPEATABLE READ", **options)
    _ask_the_rested(engine)

    @event.listens_for(engine, "connect")
    def prepare(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
        """What does not fit is an error, never cut to fit, however the server is set up."""
        cursor = connection.cursor()
        cursor.execute("SET SESSION sql_mode = 'TRADITIONAL'")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        """For the next transaction only."""
        if _writes(connection):
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")

    return Engines(engine, engine, engine.execution_options(**{WRITES: True}))


def _other(url: URL, options: dict[str, Any]) -> Engines:
    engine = create_engine(url, isolation_level="READ COMMITTED", pool_pre_ping=True, **options)
    return Engines(engine, engine, engine)


def _ask_the_rested(engine: Engine) -> None:
    @event.listens_for(engine, "checkin")
    def rest(connection: DBAPIConnection | None, entry: ConnectionPoolEntry) -> None:
        entry.info["rests_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def wake(connection: DBAPIConnection, entry: ConnectionPoolEntry, proxy: object) -> None:
        """Where one is dead, all that are as old are replaced."""
        if time.monotonic() - entry.info.get("rests_since", math.inf) <= RESTED_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError() from error


def _writes(connection: Connection) -> bool:
    return bool(connection.get_execution_options().get(WRITES, False))
