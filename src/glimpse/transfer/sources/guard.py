"""Lets one thread close what another is using: the last one out releases it."""

import contextlib
import threading
from collections.abc import Callable, Iterator

from glimpse.errors import Cancelled


class Guard:
    """Protects a resource that ``release`` gives back, once, and never while it is in use."""

    def __init__(self, release: Callable[[], None]) -> None:
        self._release: Callable[[], None] | None = release
        self._using = threading.Lock()
        self._closed = False

    @contextlib.contextmanager
    def use(self) -> Iterator[None]:
        """The resource stays open inside. Raises Cancelled once :meth:`close` was called."""
        try:
            with self._using:
                if self._closed:
                    raise Cancelled("The source was closed while it was being read.")
                yield
        finally:
            if self._closed:
                self.close()

    def close(self) -> None:
        """Release now, or when the present use ends. Never waits; harmless when repeated."""
        self._closed = True
        if self._using.acquire(blocking=False):
            try:
                release, self._release = self._release, None
                if release is not None:
                    release()
            finally:
                self._using.release()
