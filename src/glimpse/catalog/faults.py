"""What an error of a database means for the one who has a transaction to do."""

import sqlite3
from enum import Enum

from sqlalchemy.exc import DataError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from glimpse.errors import Unavailable


class Fault(Enum):
    """Why a transaction has failed."""

    UNDONE = "undone by the server for the sake of another one: a deadlock, or a lock waited for too long"
    LOST = "the connection has broken"
    AWAY = "no connection could be made"
    REFUSED = "the server does not accept the user, the password or the name of the database"
    BUSY = "all connections, or the one write lock of SQLite, stayed busy; or the disk is full"
    UNFIT = "a value is too long or too large for its column"
    OTHER = "anything else: trying again would not help"


class OutcomeUnknown(Unavailable):
    """The connection broke while a change was being committed: it may or may not have been made."""


# https://mariadb.com/kb/en/mariadb-error-codes/: lock wait timeout, deadlock, changed since last read.
_MARIADB_UNDONE = frozenset({1205, 1213, 1020})
# Shutdown in progress, killed connection, gone away, lost during the query, and by the server's own decision.
_MARIADB_LOST = frozenset({1053, 1927, 2006, 2013, 2055, 4031})
# Wrong user or password, unknown database: waiting does not help.
_MARIADB_REFUSED = frozenset({1044, 1045, 1049, 1698})
# https://www.postgresql.org/docs/current/errcodes-appendix.html: serialization failure, deadlock, no lock.
_POSTGRESQL_UNDONE = frozenset({"40001", "40P01", "55P03"})
# Administrator's shutdown, crash of another backend, starting or stopping just now; and class 08, connections.
_POSTGRESQL_LOST = frozenset({"57P01", "57P02", "57P03", "57P05"})
# libpq gives no code where a connection is refused, only the server's words.
_POSTGRESQL_REFUSED = (
    "authentication failed",
    "does not exist",
    "no pg_hba.conf entry",
    "no password supplied",
)
_UNDONE: frozenset[int | str | None] = _MARIADB_UNDONE | _POSTGRESQL_UNDONE
_LOST: frozenset[int | str | None] = _MARIADB_LOST | _POSTGRESQL_LOST
_SQLITE_BUSY = ("locked", "busy", "full")


def fault(error: Exception, *, connected: bool = True) -> Fault:
    """What kind of fault this is; ``connected`` says whether there was a connection when it happened."""
    if isinstance(error, PoolTimeout):
        return Fault.BUSY
    if isinstance(error, DataError) or _refused_by_driver(error):
        return Fault.UNFIT
    invalid = isinstance(error, DBAPIError) and error.connection_invalidated
    original = error.orig if isinstance(error, DBAPIError) else error
    assert original is not None
    code, words = _code(original), str(original)
    if isinstance(original, sqlite3.Error):
        return Fault.BUSY if any(word in words for word in _SQLITE_BUSY) else Fault.OTHER
    if code in _UNDONE:
        return Fault.UNDONE
    if invalid or code in _LOST or (isinstance(code, str) and code.startswith("08")):
        return Fault.LOST
    if not connected and isinstance(error, OperationalError):
        refused = code in _MARIADB_REFUSED or any(word in words for word in _POSTGRESQL_REFUSED)
        return Fault.REFUSED if refused else Fault.AWAY
    return Fault.OTHER


def _refused_by_driver(error: Exception) -> bool:
    """sqlite3 takes no number beyond 64 bits, psycopg no zero byte, and no driver half a surrogate pair."""
    if isinstance(error, OverflowError | UnicodeEncodeError):
        return True
    return isinstance(error, ValueError) and "NUL" in str(error)


def _code(error: BaseException) -> int | str | None:
    """MariaDB's number, PostgreSQL's five characters, or nothing."""
    first = error.args[0] if error.args else None
    if isinstance(first, int):
        return first
    sqlstate = getattr(error, "sqlstate", None)
    return None if sqlstate is None else str(sqlstate)
