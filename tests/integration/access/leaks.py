"""A service as an operator runs it, with everything that it says and keeps, and a search through all of it."""

import base64
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import httpx
import psutil
from sqlalchemy import MetaData, create_engine, select
from sqlalchemy.pool import NullPool

START_SECONDS = 60.0
STOP_SECONDS = 30.0
# The files that hold secrets because they have to.
OUGHT_TO = frozenset({"key-ring", "glimpse.conf"})


class Watched:
    """``glimpse serve`` with a configuration beside its data; ``answers`` are all that it gave."""

    def __init__(self, directory: Path, configuration: Path, database: str | None = None) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        self.directory = directory
        self.data = directory / "data"
        self.database = database or f"sqlite:///{self.data / 'glimpse.db'}"
        self.output = directory / "output"
        # What the tests import, found from another working directory too.
        known = [path for path in (os.environ.get("PYTHONPATH"), *map(os.path.abspath, sys.path)) if path]
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "glimpse.cli", "serve", "--port", str(port)),
                    *("--config-file", str(configuration), "--data", str(self.data)),
                ],
                cwd=directory,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(known)},
                stdout=output,
                stderr=output,
            )
        self.answers: list[str] = []
        self.http = httpx.Client(
            base_url=f"http://127.0.0.1:{port}", timeout=30, event_hooks={"response": [self._keep]}
        )

    def __enter__(self) -> Self:
        self.wait(lambda: "ready on" in self.output.read_text(), START_SECONDS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        finally:
            self.process.kill()
            self.process.wait()

    def wait(self, condition: Callable[[], object], seconds: float = 30.0) -> None:
        """Until it holds; fails with all that the service has said."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, self.output.read_text()
            assert self.process.poll() is None, self.output.read_text()
            time.sleep(0.05)

    def _keep(self, answer: httpx.Response) -> None:
        answer.read()
        self.answers.append(f"{answer.status_code} {answer.headers} {answer.text}")

    def rows(self) -> dict[str, list[str]]:
        """Every row of every table, as the database has it."""
        engine = create_engine(self.database, poolclass=NullPool)
        with engine.connect() as connection:
            tables = MetaData()
            tables.reflect(connection)
            found = {
                name: [repr(tuple(row)) for row in connection.execute(select(table))]
                for name, table in tables.tables.items()
            }
        engine.dispose()
        return found

    def haystacks(self) -> dict[str, str]:
        """All that others may come to see, by what it is."""
        rows = {f"table {name}": "\n".join(of_table) for name, of_table in self.rows().items()}
        said = {"output": self.output.read_text(), "answers": "\n".join(self.answers)}
        return {**rows, **said, **dict(self._files()), **dict(self._processes())}

    def _files(self) -> Iterator[tuple[str, str]]:
        """Names and bytes of all files: of a database in a file also what its rows do not tell any more."""
        yield "names of files", "\n".join(str(path) for path in self.directory.rglob("*"))
        for path in self.directory.rglob("*"):
            if path.is_file() and path.name not in OUGHT_TO:
                # Files of a conductor come and go.
                with suppress(FileNotFoundError):
                    yield f"file {path.name}", path.read_bytes().decode("latin-1")

    def _processes(self) -> Iterator[tuple[str, str]]:
        """What any user of the host sees of its processes."""
        me = psutil.Process(self.process.pid)
        for process in (me, *me.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                yield f"process {process.pid}", " ".join(process.cmdline())


def spellings(secret: str) -> Iterator[str]:
    """The secret in every form in which it may lie around."""
    yield secret
    yield quote(secret, safe="")
    yield repr(secret)[1:-1]
    # As part of something longer, at each of the three places where it may begin; without its ends, which mix with
    # what is around.
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + secret.encode()).decode()
        yield coded[4 : len(coded) - 4]


def leaks(secrets: Mapping[str, str], haystacks: Mapping[str, str]) -> list[str]:
    """Which secret is where."""
    needles = {name: set(spellings(secret)) for name, secret in secrets.items()}
    return sorted(
        f"{name} in {place}: …{_around(text, needle)}…"
        for place, text in haystacks.items()
        for name, forms in needles.items()
        for needle in forms
        if needle in text
    )


def _around(text: str, needle: str) -> str:
    where = text.index(needle)
    return text[max(0, where - 120) : where + len(needle) + 40]
