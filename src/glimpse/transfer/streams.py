"""Streams in threads of their own: read ahead, look at the head, make small chunks larger.

Every function here takes over the iterator that it is given: when the result is closed or exhausted, the
upstream is closed too, in the thread that runs it.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Generic

from glimpse.errors import Cancelled
from glimpse.transfer.channel import Channel, ChannelClosed, ChannelTimeout, Item
from glimpse.transfer.extent import Buffer
from glimpse.transfer.protocols import Stop
from glimpse.transfer.stop import NEVER, POLL

MiB = 1 << 20

# What sources and decompressors give at a time. deliver() of 512 MiB, processor seconds: 1.47 with chunks of
# 256 KiB, 1.46 with 1 MiB, 1.45 with 4 MiB; a MiB keeps the queues' memory small.
CHUNK = MiB
LARGEST = 4 * MiB
# Reading ahead evens out stalls: 8 MiB are 10 ms of hashing. An import has up to three such queues, and with
# the 16 MiB of the fan-out, which small views may double, it stays below 64 MiB.
PREFETCH_DEPTH = 8
PREFETCH_BYTES = 8 * MiB
# How long closing waits for the upstream's thread; beyond that the thread ends by itself when its read comes
# back.
CLOSE_WAIT = 0.4


def close(iterator: object) -> None:
    """Close ``iterator`` if it can be closed (generators and :class:`Prefetch` can)."""
    closer = getattr(iterator, "close", None)
    if closer is not None:
        closer()


class Prefetch(Generic[Item]):
    """An iterator whose upstream runs ahead in a thread, by at most ``depth`` items and ``max_bytes``."""

    def __init__(
        self,
        items: Iterable[Item],
        depth: int = PREFETCH_DEPTH,
        *,
        max_bytes: int = PREFETCH_BYTES,
        closing: Callable[[], None] | None = None,
        stop: Stop = NEVER,
        name: str = "prefetch",
    ) -> None:
        self._channel: Channel[Item] = Channel(depth, max_bytes)
        self._closing = closing
        self._stop = stop
        self._thread = threading.Thread(
            target=_pump, args=(items, self._channel), name=f"glimpse-{name}", daemon=True
        )
        self._thread.start()

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        while True:
            self._stop.check()
            try:
                item = self._channel.get(POLL)
            except ChannelTimeout:
                continue
            if item is None:
                if self._channel.closed:
                    raise Cancelled("The stream was closed while it was being read.")
                self._thread.join(CLOSE_WAIT)
                raise StopIteration
            return item

    def close(self) -> None:
        """End the upstream and its thread; what was read ahead is dropped. Harmless when repeated."""
        self._channel.close()
        if self._closing is not None:
            self._closing()
        if self._thread is not threading.current_thread():
            self._thread.join(CLOSE_WAIT)

    def __enter__(self) -> "Prefetch[Item]":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        # One who forgets to close leaves no thread behind that waits for ever.
        self._channel.close()


def prefetch(
    items: Iterable[Item],
    depth: int = PREFETCH_DEPTH,
    *,
    max_bytes: int = PREFETCH_BYTES,
    closing: Callable[[], None] | None = None,
    stop: Stop = NEVER,
) -> Prefetch[Item]:
    """``items`` (chunks or extents), produced ahead in a thread of their own.

    The upstream's error is raised here after the items before it. ``closing`` is called when the consumer
    closes early and should unblock an upstream that waits for its source (a Stream's ``close``). ``stop`` is
    looked at while waiting, so a silent source cannot delay the end.
    """
    return Prefetch(items, depth, max_bytes=max_bytes, closing=closing, stop=stop)


def peek(chunks: Iterable[Buffer], length: int) -> tuple[bytes, Iterator[Buffer]]:
    """The first ``length`` bytes (all of a shorter stream), and a stream that still begins with them."""
    upstream = iter(chunks)
    held: list[Buffer] = []
    have = 0
    for chunk in upstream:
        held.append(chunk)
        have += len(chunk)
        if have >= length:
            break
    head = b"".join(bytes(chunk[:length]) for chunk in held)[:length]
    return head, _Chain(held, upstream)


def regroup(chunks: Iterable[Buffer], smallest: int = CHUNK) -> Iterator[Buffer]:
    """The same bytes in larger pieces: chunks below ``smallest`` are joined until they reach it, none exceeds
    4 MiB.

    A network source gives what one read gives, often some KiB; every later element pays per chunk.
    """
    held: list[Buffer] = []
    have = 0
    upstream = iter(chunks)
    try:
        for chunk in upstream:
            if not chunk:
                continue
            if len(chunk) < smallest:
                held.append(chunk)
                have += len(chunk)
                if have < smallest:
                    continue
                chunk = b""
            if held:
                yield b"".join(held)
                held, have = [], 0
            for start in range(0, len(chunk), LARGEST):
                yield chunk if len(chunk) <= LARGEST else memoryview(chunk)[start : start + LARGEST]
        if held:
            yield b"".join(held)
    finally:
        close(upstream)


class _Chain:
    """What was looked at, then the rest. (A generator that nobody has begun would not close its upstream.)"""

    def __init__(self, first: list[Buffer], rest: Iterator[Buffer]) -> None:
        self._first = deque(first)
        self._rest = rest

    def __iter__(self) -> Iterator[Buffer]:
        return self

    def __next__(self) -> Buffer:
        if self._first:
            return self._first.popleft()
        try:
            return next(self._rest)
        except BaseException:
            close(self._rest)
            raise

    def close(self) -> None:
        """Drop what was looked at, and close the rest."""
        self._first.clear()
        close(self._rest)


def _pump(items: Iterable[Item], channel: Channel[Item]) -> None:
    upstream = iter(items)
    try:
        for item in upstream:
            channel.put(item)
            del item  # The queue owns it now: a chunk must not outlive its use while the next one is awaited.
    except ChannelClosed:
        pass
    except BaseException as error:
        channel.fail(error)
    else:
        channel.end()
    finally:
        close(upstream)
