"""One stream of extents to several writers at once: a thread and a bounded queue for each."""

import contextlib
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from glimpse.errors import Cancelled, ClaimLost, GlimpseError
from glimpse.transfer.batch import Batch
from glimpse.transfer.channel import Channel, ChannelClosed, ChannelTimeout
from glimpse.transfer.extent import Extent
from glimpse.transfer.faults import explain
from glimpse.transfer.protocols import Progress, Stop, Writer
from glimpse.transfer.stop import NEVER, POLL, SILENT

# The queues share their buffers: what is alive is the distance between the fastest and the slowest writer.
DEPTH = 16
MAX_BYTES = 16 << 20
# How long an abort waits for writers that are inside of a call; beyond it they remove their bytes when it
# returns.
ABORT_WAIT = 0.4


class DeliveryFailed(GlimpseError):
    """Stores could not be written. ``failed`` has the error of each; the message is that of the first."""

    code = "delivery-failed"

    def __init__(self, failed: Mapping[str, GlimpseError]) -> None:
        store, first = next(iter(failed.items()))
        super().__init__(f"Store {store!r}: {first.message}", hint=first.hint)
        self.failed = dict(failed)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Which writers have everything and wait for their commit, and why the others do not."""

    ready: tuple[str, ...]
    failed: Mapping[str, GlimpseError]


class FanOut:
    """Feeds every extent to each of ``writers`` (by store), from one thread, and never commits.

    A writer that fails is aborted and leaves; the others go on, unless ``must_all`` is set or none is left:
    then DeliveryFailed is raised. Waiting for a slow writer ends when ``stop`` says so. After an error call
    :meth:`abort`.
    """

    def __init__(
        self,
        writers: Mapping[str, Writer],
        *,
        must_all: bool = True,
        total: int | None = None,
        progress: Progress = SILENT,
        stop: Stop = NEVER,
    ) -> None:
        self._must_all = must_all
        self._stop = stop
        self._lanes = [_Lane(store, writer, total, progress) for store, writer in writers.items()]
        for lane in self._lanes:
            lane.thread.start()

    def write(self, *extents: Extent) -> None:
        """Queue the next ``extents`` for every writer that is left; waits while one has too much queued."""
        for lane in self._lanes:
            while lane.error is None:
                try:
                    lane.channel.put(extents, POLL)
                    break
                except ChannelTimeout:
                    self._stop.check()
                    self._judge()
                except ChannelClosed:
                    break
        self._judge()

    def finish(self) -> Outcome:
        """Wait until the writers have taken all."""
        for lane in self._lanes:
            lane.channel.end()
        for lane in self._lanes:
            while lane.thread.is_alive():
                lane.thread.join(POLL)
                self._stop.check()
                self._judge()
        self._judge()
        return Outcome(tuple(lane.store for lane in self._lanes if lane.error is None), self._failed())

    def abort(self) -> None:
        """End the threads and abort every writer, ready or not. Takes well below a second; harmless when
        repeated.

        A writer that hangs in a call of its own is aborted by its thread as soon as that call returns.
        """
        for lane in self._lanes:
            lane.channel.close()
        deadline = time.monotonic() + ABORT_WAIT
        for lane in self._lanes:
            lane.thread.join(max(0.0, deadline - time.monotonic()))
            if not lane.thread.is_alive():
                lane.abort()

    def _failed(self) -> dict[str, GlimpseError]:
        return {lane.store: lane.error for lane in self._lanes if lane.error is not None}

    def _judge(self) -> None:
        failed = self._failed()
        for error in failed.values():
            if isinstance(error, (Cancelled, ClaimLost)):
                raise error  # Not a fault of the store: whoever runs this must know it as what it is.
        if failed and (self._must_all or len(failed) == len(self._lanes)):
            raise DeliveryFailed(failed) from next(iter(failed.values()))


class _Lane:
    """One writer and what is queued for it. All calls of the writer come from its thread while that lives."""

    def __init__(self, store: str, writer: Writer, total: int | None, progress: Progress) -> None:
        self.store = store
        self.error: GlimpseError | None = None
        self.channel: Channel[Batch] = Channel(DEPTH, MAX_BYTES)
        self.thread = threading.Thread(target=self._run, name=f"glimpse-write-{store}", daemon=True)
        self._writer = writer
        self._total = total
        self._progress = progress
        self._aborted = False

    def abort(self) -> None:
        if not self._aborted:
            self._aborted = True
            # What cannot be removed now is found by the store's sweep; the error that led here must not be
            # hidden.
            with contextlib.suppress(Exception):
                self._writer.abort()

    def _run(self) -> None:
        try:
            while (batch := self.channel.get()) is not None:
                for extent in batch:
                    self._writer.write(extent)
                done = batch[-1].offset + batch[-1].length
                self._progress.report(f"deliver:{self.store}", done, self._total)
        except BaseException as error:
            self.error = explain(error, "writing failed")
            self.channel.close()
        if self.channel.closed:
            self.abort()
