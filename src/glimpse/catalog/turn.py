"""Whose turn it is to write to an SQLite file.

SQLite lets one writer in at a time and makes the others poll, with pauses that grow to a tenth of a second. Writers of one
host queue here instead and wake at once: threads at a lock, processes at a lock on a file beside the database, which the
kernel takes away from a process that dies. SQLite's own lock is still taken; this only makes the waiting short.
"""

import fcntl
import os
import threading
from pathlib import Path
from types import TracebackType
from typing import Self


class Turn:
    """A context in which nobody else on this host, who asks here too, writes to the database in ``file``."""

    def __init__(self, file: Path | None) -> None:
        """``file`` None: a database in memory, which has no other process."""
        self._threads = threading.Lock()
        self._path = None if file is None else file.with_name(file.name + "-turn")
        self._descriptor = -1

    def __enter__(self) -> Self:
        self._threads.acquire()
        try:
            if self._path is not None:
                if self._descriptor < 0:
                    self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        except OSError:
            # Where such a file cannot be made or locked, SQLite's own waiting has to do.
            self._release()
            self._path = None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._descriptor >= 0:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        self._threads.release()

    def close(self) -> None:
        """Release the file; it is opened again when it is needed."""
        with self._threads:
            self._release()

    def _release(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
