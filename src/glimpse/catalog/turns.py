"""Turns at writing to a SQLite file, which lets one writer in at a time."""

import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL

from glimpse.catalog.engines import SQLITE_BUSY_SECONDS

# SQLite itself looks again after 1, 2, 5, 10, 15, 20, 25 ms, where most transactions take one. With pauses from the
# first to the second of these, small imports are a fifth faster (two api processes and a conductor).
PAUSE_SECONDS = (0.0001, 0.001)


class Turns:
    """Threads of one process queue at a lock, which is fair and wakes at once; processes at a file beside the database.

    The file is empty and stays; its lock ends with the process that holds it. Other programs that write to the database
    wait for SQLite's own lock and are waited for by it. Not to be carried over a fork.
    """

    def __init__(self, url: URL) -> None:
        inside = url.database in (None, "", ":memory:") or str(url.database).startswith("file:")
        self._path = None if inside else Path(f"{url.database}-turn")
        self._thread = threading.Lock()
        self._file: int | None = None

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Nobody else writes until the end of the block. Raises sqlite3.OperationalError after a minute of waiting."""
        with self._thread:
            if self._path is None:
                yield
                return
            file = self._acquire(self._path)
            try:
                yield
            finally:
                fcntl.flock(file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the file."""
        with self._thread:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def _acquire(self, path: Path) -> int:
        if self._file is None:
            self._file = _open(path)
        deadline = time.monotonic() + SQLITE_BUSY_SECONDS
        pause, longest = PAUSE_SECONDS
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return self._file
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise sqlite3.OperationalError("database is locked") from None
            time.sleep(pause)
            pause = min(pause * 2, longest)


def _open(path: Path) -> int:
    """As SQLite makes its files: for whom the process's mask lets in."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise sqlite3.OperationalError(f"unable to open {path}: {error.strerror}") from error
