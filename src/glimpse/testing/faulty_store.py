"""A store that fails or dawdles on purpose, around any other: to rehearse what must not happen."""

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from glimpse.errors import GlimpseError, Unavailable
from glimpse.stores.base import Store
from glimpse.transfer.extent import Extent
from glimpse.transfer.protocols import Reader, Writer


def _unavailable() -> GlimpseError:
    return Unavailable("The store has failed, as it was told to.")


@dataclass
class Faults:
    """What goes wrong. May be changed while the store is used.

    ``fail_after`` bytes of an object its writer fails (None: never), with ``fail_commit`` at commit, with
    ``fail_begin`` at the start, each time with a fresh ``error``. Every write takes ``delay`` seconds
    more, and waits while ``gate`` is not set.
    """

    fail_after: int | None = None
    fail_begin: bool = False
    fail_commit: bool = False
    error: Callable[[], GlimpseError] = _unavailable
    delay: float = 0.0
    gate: threading.Event = field(default_factory=threading.Event)
    writing: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.gate.set()


class FaultyStore:
    """A store with :class:`Faults`. ``faults.writing`` is set as soon as a writer was given bytes."""

    def __init__(self, inner: Store, faults: Faults | None = None) -> None:
        self.inner = inner
        self.faults = faults or Faults()
        self.id = inner.id
        self.type = inner.type
        self.description = inner.description
        self.weight = inner.weight
        self.read_only = inner.read_only

    def check(self) -> None:
        """As the inner store's."""
        self.inner.check()

    def writer(self, image_id: str, claim: int, size: int | None, *, data: int | None = None) -> Writer:
        """A writer of the inner store, with faults."""
        if self.faults.fail_begin:
            raise self.faults.error()
        return FaultyWriter(self.inner.writer(image_id, claim, size, data=data), self.faults)

    def reader(self, url: str) -> Reader:
        """The inner store's."""
        return self.inner.reader(url)

    def delete(self, url: str) -> None:
        """As the inner store's."""
        self.inner.delete(url)

    def sweep(self, image_id: str, keep: Collection[str], *, claim: int | None = None) -> None:
        """As the inner store's."""
        self.inner.sweep(image_id, keep, claim=claim)


class FaultyWriter:
    """A writer that fails when its faults say so. What came before the fault was written."""

    def __init__(self, inner: Writer, faults: Faults) -> None:
        self._inner = inner
        self._faults = faults
        self._aborted = threading.Event()

    def write(self, extent: Extent) -> None:
        """Pass the extent on, late or never."""
        faults = self._faults
        faults.writing.set()
        if faults.delay:
            self._aborted.wait(faults.delay)
        while not faults.gate.wait(0.05) and not self._aborted.is_set():
            pass
        if faults.fail_after is not None and extent.offset + extent.length > faults.fail_after:
            before = max(faults.fail_after - extent.offset, 0)
            if before:
                data = None if extent.data is None else memoryview(extent.data)[:before]
                self._inner.write(Extent(extent.offset, before, data))
            raise faults.error()
        self._inner.write(extent)

    def commit(self) -> str:
        """Commit, or fail with the object as it was before."""
        if self._faults.fail_commit:
            raise self._faults.error()
        return self._inner.commit()

    def abort(self) -> None:
        """Remove everything; ends a write that waits."""
        self._aborted.set()
        self._inner.abort()
