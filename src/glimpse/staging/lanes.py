"""Blocks of received bytes, and the lanes of work that each of them passes through in a shared thread
pool.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor

from glimpse.transfer.extent import Buffer

# Chunks smaller than this are gathered into one buffer as they come. Both digests over 64 MiB in chunks of 4
# or 10 KiB take 0.39 s, gathered 0.25 s; from 16 KiB on gathering gains nothing, and copies.
GATHER_BYTES = 16 << 10


class Block:
    """Bytes in order, in one or more buffers that are not copied together."""

    __slots__ = ("buffers", "error", "length", "pending")

    def __init__(self) -> None:
        self.buffers: list[Buffer] = []
        self.length = 0
        self.pending = 0
        self.error: BaseException | None = None

    def append(self, chunk: Buffer) -> None:
        """Add a chunk at the end."""
        self.length += len(chunk)
        if len(chunk) >= GATHER_BYTES:
            self.buffers.append(chunk)
        elif self.buffers and isinstance(self.buffers[-1], bytearray):
            self.buffers[-1] += chunk
        else:
            self.buffers.append(bytearray(chunk))


class Lanes:
    """Every block passes through every lane; each lane takes the blocks in order, one at a time.

    A lane is a function, and a turn of it in the pool is one block: threads go round among all transfers, and
    a transfer that waits for bytes holds none. ``done`` is called in a thread of the pool when a block has
    passed through all lanes (with ``block.error`` set if one failed; after that, the remaining blocks pass
    unprocessed).
    """

    def __init__(
        self, pool: Executor, lanes: Sequence[Callable[[Block], None]], done: Callable[[Block], None]
    ) -> None:
        self._pool = pool
        self._done = done
        self._lock = threading.Lock()
        self._lanes = [(work, deque[Block]()) for work in lanes]
        self._stopped = False

    def put(self, block: Block) -> None:
        """Send a block on its way. Called from one thread."""
        block.pending = len(self._lanes)
        for work, queue in self._lanes:
            with self._lock:
                queue.append(block)
                idle = len(queue) == 1
            if idle:
                self._pool.submit(self._turn, work, queue)

    def stop(self) -> None:
        """Let what is still queued pass unprocessed."""
        self._stopped = True

    def _turn(self, work: Callable[[Block], None], queue: deque[Block]) -> None:
        block = queue[0]
        error: BaseException | None = None
        if not self._stopped:
            try:
                work(block)
            except BaseException as caught:
                error = caught
                self._stopped = True
        with self._lock:
            queue.popleft()
            more = bool(queue)
            block.pending -= 1
            block.error = block.error or error
            last = block.pending == 0
        if more:
            self._pool.submit(self._turn, work, queue)
        if last:
            self._done(block)
