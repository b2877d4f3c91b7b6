"""Databases for tests: of each kind one for each test process, emptied between tests."""

import fcntl
import itertools
import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy import make_url

from glimpse.catalog import Database
from glimpse.catalog.tables import metadata
from tests import crowd
from tests.servers.server import administer
from tests.servers.shared import KINDS, shared

SQLITE, POSTGRESQL, MARIADB = "sqlite", "postgresql", "mariadb"
ALL = (SQLITE, POSTGRESQL, MARIADB)
SERVERS = (POSTGRESQL, MARIADB)

_count = itertools.count(1)


class Databases:
    """Makes databases of one kind. ``directory`` holds SQLite's files; ``server`` is a server's URL, or None."""

    def __init__(self, kind: str, meeting: Path, directory: Path, server: str | None) -> None:
        self.kind = kind
        self._meeting = meeting
        self._directory = directory
        self._server = server
        self._kept: str | None = None

    def empty(self) -> str:
        """The URL of a new database with nothing in it, not even tables."""
        return self._create(f"test_{os.getpid()}_{next(_count)}", self._directory)

    def _create(self, name: str, directory: Path) -> str:
        if self._server is None:
            return f"sqlite:///{directory / name}.db"
        administer(self._server, f"CREATE DATABASE {name}")
        return make_url(self._server).set(database=name).render_as_string(hide_password=False)

    def crowded(self) -> str:
        """The URL of a database with 100,000 images (:mod:`tests.crowd`), made once for all test processes.

        It is for reading only.
        """
        name = "crowd"
        with (self._meeting / f"{self.kind}.crowd").open("a+") as made:
            fcntl.flock(made, fcntl.LOCK_EX)
            made.seek(0)
            if not (url := made.read()):
                url = self._create(name, self._meeting)
                crowd.fill(url)
                made.write(url)
        return url

    def drop(self, url: str) -> None:
        """Remove a database that :meth:`empty` made."""
        database = make_url(url).database
        if self._server is None:
            for path in self._directory.glob(f"{Path(str(database)).name}*"):
                path.unlink()
        elif self.kind == POSTGRESQL:
            administer(self._server, f"DROP DATABASE {database} WITH (FORCE)")
        else:
            administer(self._server, f"DROP DATABASE {database}")

    def fresh(self) -> str:
        """The URL of a database with empty tables; the same one each time, so use one at a time.

        Emptying tables takes 5 ms, making them half a second (MariaDB).
        """
        if self._kept is None:
            self._kept = self.empty()
            db = Database(self._kept)
            db.upgrade()
            db.close()
        else:
            self._wipe(self._kept)
        return self._kept

    def _wipe(self, url: str) -> None:
        tables = [table.name for table in reversed(metadata.sorted_tables)]
        if self._server is None:
            with sqlite3.connect(str(make_url(url).database)) as connection:
                for table in tables:
                    connection.execute(f"DELETE FROM {table}")
            connection.close()
        elif self.kind == POSTGRESQL:
            administer(url, ";".join(f"DELETE FROM {table}" for table in tables))
        else:
            administer(url, *(f"DELETE FROM {table}" for table in tables))


@contextmanager
def databases(kind: str, meeting: Path, directory: Path) -> Iterator[Databases]:
    """Databases of this kind; a server is started when it is the first time, and stopped after the last."""
    meeting.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        server = stack.enter_context(shared(kind, meeting)) if kind in KINDS else None
        yield Databases(kind, meeting, directory, server)
