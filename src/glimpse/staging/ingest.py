"""Receiving an upload: from an asyncio stream into a sink, hashed on the way, in bounded memory and few
threads.

Chunks are gathered into blocks of 1 MiB. A block passes through the *lanes* (writing, and one for each
digest) in a thread pool that all uploads share. A connection that trickles holds no thread, and of the memory
only what the :class:`ByteBudget` of the process leaves it.
"""

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from glimpse.errors import TooLarge
from glimpse.staging.budget import ByteBudget
from glimpse.staging.lanes import Block, Lanes
from glimpse.staging.sink import Sink
from glimpse.stores.errors import WrongSize
from glimpse.transfer.extent import Buffer

log = logging.getLogger(__name__)

# What a digest takes at a time: 1.2 ms of work, against which a thread's switch is nothing.
BLOCK_BYTES = 1 << 20
# Blocks of one upload on their way at once: one in each lane, and the next one ready.
DEPTH = 3

T = TypeVar("T")
Finding = TypeVar("Finding", covariant=True)


class Inspector(Protocol[Finding]):
    """Looks on as bytes pass (``glimpse.transfer.disk`` has one)."""

    def feed(self, data: Buffer) -> object:
        """The next bytes. May raise to end the upload."""

    def finish(self) -> Finding:
        """What was found, after the last byte."""


@dataclass(frozen=True, slots=True)
class Received(Generic[Finding]):
    """A complete upload: bytes, hexadecimal digests by algorithm, and what the inspector found (None without
    one).
    """

    length: int
    digests: dict[str, str]
    finding: Finding | None


async def receive(
    chunks: AsyncIterator[Buffer],
    sink: Sink,
    *,
    budget: ByteBudget,
    pool: Executor,
    digests: Sequence[str] = (),
    inspector: Inspector[Finding] | None = None,
    expected_size: int | None = None,
    size_cap: int,
) -> Received[Finding]:
    """Take in all of ``chunks``; the sink has every byte when this returns, and is not committed.

    On any failure (raised by ``chunks``, by the sink, by the inspector, or when the task is cancelled) no
    thread works on the upload any more and ``sink.abort()`` was called before the error is raised. Raises
    WrongSize when other than ``expected_size`` bytes come and TooLarge above ``size_cap``, in both cases as
    soon as that is certain. A failing sink (NoSpace) ends the upload at once, even while the client is
    silent. ``pool`` must not be shut down before this has returned.
    """
    upload = _Upload(sink, budget, pool, digests, inspector)
    budget.join(upload)
    try:
        await upload.take_in(chunks, expected_size, size_cap)
        finding = await upload.run(inspector.finish) if inspector else None
    except BaseException:
        await _to_the_end(upload.give_up())
        raise
    finally:
        budget.leave(upload)
    return Received(upload.length, upload.digests(), finding)


class _Upload:
    """One upload, as the event loop sees it. Everything but the lanes' functions runs in the loop's
    thread.
    """

    def __init__(
        self,
        sink: Sink,
        budget: ByteBudget,
        pool: Executor,
        digests: Sequence[str],
        inspector: Inspector[object] | None,
    ) -> None:
        self.length = 0
        self._sink = sink
        self._budget = budget
        self._pool = pool
        self._inspector = inspector
        self._hashes = {name: hashlib.new(name, usedforsecurity=False) for name in digests}
        lanes = [self._write, *(_digest(hash.update) for hash in self._hashes.values())]
        self._lanes = Lanes(pool, lanes, self._done_in_thread)
        self._loop = asyncio.get_running_loop()
        self._block = Block()
        self._under_way = 0
        self._error: BaseException | None = None
        self._changed: asyncio.Future[None] | None = None
        self._reader: asyncio.Task[object] | None = None
        self._woken = False

    @property
    def idle_bytes(self) -> int:
        return self._block.length

    def flush(self) -> None:
        """Send on what was gathered."""
        block, self._block = self._block, Block()
        self._budget.moved(block.length)
        self._under_way += 1
        self._lanes.put(block)

    async def run(self, work: Callable[[], T]) -> T:
        """Do blocking work in the pool."""
        return await self._loop.run_in_executor(self._pool, work)

    async def take_in(self, chunks: AsyncIterator[Buffer], expected: int | None, cap: int) -> None:
        if expected is not None and expected > cap:
            raise TooLarge(f"{expected} bytes are announced, {cap} are allowed.")
        while (chunk := await self._next(chunks)) is not None:
            self.length += len(chunk)
            if expected is not None and self.length > expected:
                raise WrongSize(expected, self.length)
            if self.length > cap:
                raise TooLarge(f"More than the {cap} bytes came that are allowed.")
            self._budget.add(len(chunk))
            self._block.append(chunk)
            if self._block.length >= BLOCK_BYTES:
                self.flush()
                await self._at_most(DEPTH)
            await self._budget.room()
        if expected is not None and self.length < expected:
            raise WrongSize(expected, self.length)
        if self._block.length:
            self.flush()
        await self._at_most(0)

    async def give_up(self) -> None:
        """Wait for the threads to let go, then remove what was written."""
        self._lanes.stop()
        self._budget.moved(self._block.length)
        self._budget.done(self._block.length)
        self._block = Block()
        while self._under_way:
            await self._change()
        try:
            await self.run(self._sink.abort)
        except Exception:
            log.warning("What an upload left behind could not be removed.", exc_info=True)

    def digests(self) -> dict[str, str]:
        return {name: hash.hexdigest() for name, hash in self._hashes.items()}

    async def _next(self, chunks: AsyncIterator[Buffer]) -> Buffer | None:
        """The next chunk, None after the last; a failure in a thread ends the wait for a silent client."""
        self._raise_error()
        task = self._reader = asyncio.current_task()
        assert task is not None
        cancels = task.cancelling()
        try:
            return await anext(chunks)
        except StopAsyncIteration:
            return None
        except BaseException:
            if self._woken and task.uncancel() <= cancels:
                self._raise_error()
            raise
        finally:
            self._reader = None

    async def _at_most(self, blocks: int) -> None:
        while self._under_way > blocks:
            await self._change()
        self._raise_error()

    async def _change(self) -> None:
        self._changed = self._loop.create_future()
        await self._changed

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error

    def _write(self, block: Block) -> None:
        for data in block.buffers:
            if self._inspector is not None:
                self._inspector.feed(data)
            self._sink.write(data)

    def _done_in_thread(self, block: Block) -> None:
        block.buffers.clear()
        self._loop.call_soon_threadsafe(self._done, block)

    def _done(self, block: Block) -> None:
        self._under_way -= 1
        self._budget.done(block.length)
        if block.error is not None and self._error is None:
            self._error = block.error
            if self._reader is not None:
                self._woken = True
                self._reader.cancel()
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(None)


def _digest(update: Callable[[Buffer], None]) -> Callable[[Block], None]:
    def work(block: Block) -> None:
        for data in block.buffers:
            update(data)

    return work


async def _to_the_end(work: Coroutine[None, None, None]) -> None:
    """Do ``work`` even if this task is cancelled meanwhile; the cancellation is passed on afterwards."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
    task.result()
    if cancelled is not None:
        raise cancelled
