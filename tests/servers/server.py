"""What all servers for tests have in common, and what database servers do."""

import shutil
import signal
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from sqlalchemy import URL, Engine, create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from tests.servers.process import Process, free_port, own_directory

USER, PASSWORD = "glimpse", "s3cret/@"


class Server(ABC):
    """A server of one's own. Used as a context manager it is running inside the block."""

    name: ClassVar[str]
    # How to stop it at once without asking its clients; and the orderly way.
    quick: ClassVar[signal.Signals]
    orderly: ClassVar[signal.Signals]
    # Whether it refuses to run as root.
    as_substitute: ClassVar[bool] = True

    def __init__(self) -> None:
        self.directory = own_directory(self.name)
        self.port = free_port()
        self._process: Process | None = None

    def __enter__(self) -> Self:
        try:
            self.install()
            self.start()
        except BaseException:
            shutil.rmtree(self.directory, ignore_errors=True)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop(self.quick)
        shutil.rmtree(self.directory, ignore_errors=True)

    @abstractmethod
    def install(self) -> None:
        """Make the files of an empty server."""

    @abstractmethod
    def command(self) -> list[str | Path]:
        """What to run."""

    def start(self) -> None:
        """Run it, and wait until it answers. It has the same port and data as before a :meth:`stop`."""
        self._process = Process(
            self.command(), self.directory, self._answers, as_substitute=self.as_substitute
        )

    def stop(self, how: signal.Signals | None = None) -> None:
        """Stop it; what was committed stays."""
        if self._process is not None:
            self._process.stop(how or self.orderly)
            self._process = None

    @abstractmethod
    def url(self) -> str:
        """Where it is, for its clients."""

    @abstractmethod
    def _answers(self) -> bool:
        """Whether it can be used."""


class DatabaseServer(Server):
    """A database server."""

    driver: ClassVar[str]
    # The database that is always there, to make others from.
    home: ClassVar[str]

    def url(self, database: str | None = None) -> str:
        """Where a database is, for SQLAlchemy, as existing installations write it."""
        url = URL.create(self.driver, USER, PASSWORD, "127.0.0.1", self.port, database or self.home)
        return url.render_as_string(hide_password=False)

    def _answers(self) -> bool:
        engine = create_engine(self.url(), poolclass=NullPool)
        try:
            with engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        except OperationalError:
            return False
        return True


def administer(url: str, *statements: str) -> None:
    """Run statements that cannot be part of a transaction."""
    engine: Engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
