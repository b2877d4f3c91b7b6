"""Digests of a stream, each algorithm in its own thread: two take no longer than the slower one."""

import hashlib
import threading
from collections import deque
from collections.abc import Collection
from concurrent.futures import Executor, ThreadPoolExecutor
from types import TracebackType

from glimpse.errors import Cancelled, GlimpseError, Invalid
from glimpse.transfer.batch import Batch
from glimpse.transfer.channel import weigh
from glimpse.transfer.extent import Buffer, Extent
from glimpse.transfer.faults import explain
from glimpse.transfer.zeros import zero_buffers

# Hashing is the slowest part of most imports and must never wait: 16 MiB keep it busy for 20 ms.
DEPTH = 16
MAX_BYTES = 16 << 20


class Digests:
    """Takes a stream's extents in order and gives its digests, by ``algorithms`` as :mod:`hashlib` names
    them.

    Hashing runs on ``pool`` if one is given (it borrows a thread only while there is something to hash, so a
    thousand slow streams share a few threads), else on threads of its own. Buffers must not change after they
    were given. Raises Invalid for an algorithm that does not exist here or has no fixed length.
    """

    def __init__(self, algorithms: Collection[str], *, pool: Executor | None = None) -> None:
        names = tuple(dict.fromkeys(algorithms))
        hashers = {name: _hasher(name) for name in names}
        self._own: ThreadPoolExecutor | None = None
        if pool is None and names:
            pool = self._own = ThreadPoolExecutor(len(names), thread_name_prefix="glimpse-digest")
        self._lanes = {name: _Lane(name, hasher, pool) for name, hasher in hashers.items() if pool}

    def update(self, *extents: Extent) -> None:
        """Hash the next extents, waiting while too much is queued. Raises what a hash worker raised."""
        weight = weigh(extents)
        for lane in self._lanes.values():
            lane.put(extents, weight)

    def feed(self, data: Buffer) -> None:
        """Hash the next bytes, as :meth:`update`."""
        self.update(Extent(0, len(data), data))

    def result(self) -> dict[str, str]:
        """The digests (lower-case hex) of all that was given, once it is hashed. Ends the threads."""
        try:
            return {name: lane.result() for name, lane in self._lanes.items()}
        finally:
            self.close()

    def close(self) -> None:
        """End the threads and forget what is queued; harmless when repeated, and safe from any thread."""
        for lane in self._lanes.values():
            lane.close()
        if self._own is not None:
            self._own.shutdown(wait=True)

    def __enter__(self) -> "Digests":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Lane:
    """One algorithm: a bounded queue, and at most one task on the pool that empties it."""

    def __init__(self, name: str, hasher: "hashlib._Hash", pool: Executor) -> None:
        self._name = name
        self._hasher = hasher
        self._pool = pool
        self._items: deque[tuple[Batch, int]] = deque()
        self._bytes = 0
        self._running = False
        self._closed = False
        self._error: GlimpseError | None = None
        self._changed = threading.Condition()

    def put(self, batch: Batch, weight: int) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._error or self._has_room(weight))
            self._check()
            self._items.append((batch, weight))
            self._bytes += weight
            if not self._running:
                self._running = True
                self._pool.submit(self._drain)

    def result(self) -> str:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._error or not self._running)
            self._check()
            return self._hasher.hexdigest()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._items.clear()
            self._changed.notify_all()

    def _check(self) -> None:
        if self._error is not None:
            raise self._error
        if self._closed:
            raise Cancelled(f"the {self._name} digest was closed before its result was asked for")

    def _has_room(self, weight: int) -> bool:
        return not self._items or (len(self._items) < DEPTH and self._bytes + weight <= MAX_BYTES)

    def _drain(self) -> None:
        try:
            while (batch := self._next()) is not None:
                for extent in batch:
                    self._hash(extent)
        except BaseException as error:
            with self._changed:
                self._error = explain(error, f"computing the {self._name} digest")
                self._running = False
                self._items.clear()
                self._changed.notify_all()

    def _hash(self, extent: Extent) -> None:
        if extent.data is not None:
            self._hasher.update(extent.data)
            return
        for zeros in zero_buffers(extent.length):
            if self._closed:
                return
            self._hasher.update(zeros)

    def _next(self) -> Batch | None:
        with self._changed:
            if not self._items:
                self._running = False
                self._changed.notify_all()
                return None
            batch, weight = self._items.popleft()
            self._bytes -= weight
            self._changed.notify_all()
            return batch


def _hasher(name: str) -> "hashlib._Hash":
    try:
        # They tell whether bytes are the same; a system in FIPS mode must not refuse md5 for that.
        hasher = hashlib.new(name, usedforsecurity=False)
    except ValueError as error:
        raise Invalid(
            f"There is no hash algorithm {name!r} here.",
            hint=f"Known ones: {', '.join(sorted(hashlib.algorithms_available))}.",
        ) from error
    if hasher.digest_size == 0:
        raise Invalid(f"The hash algorithm {name!r} has no fixed length and cannot identify an image.")
    return hasher
