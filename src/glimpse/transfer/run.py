"""Runs the last part of every plan: one pass feeds the inspector, the digests and all stores."""

from collections.abc import Collection, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from glimpse.errors import GlimpseError, TooLarge
from glimpse.transfer.batch import batches
from glimpse.transfer.digest import Digests
from glimpse.transfer.disk.judge import Finding
from glimpse.transfer.extent import Buffer, Extent
from glimpse.transfer.fanout import FanOut
from glimpse.transfer.protocols import Progress, Stop, Writer
from glimpse.transfer.stop import NEVER, SILENT
from glimpse.transfer.streams import prefetch
from glimpse.transfer.zeros import zero_buffers

# The queues behind are deep enough; what is read ahead only keeps the source's thread from waiting for ours.
READ_AHEAD = 4


class Inspector(Protocol):
    """Looks on as the bytes pass."""

    def feed(self, data: Buffer) -> None:
        """The next bytes of the image, zeros included. May raise UnsafeImage to end the delivery."""

    def finish(self) -> Finding:
        """What was found, after the last byte."""


@runtime_checkable
class SkipsZeros(Protocol):
    """An inspector that can be told of zeros without being shown them."""

    def feed_zeros(self, length: int) -> None:
        """The next ``length`` bytes are zero."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came of a delivery: ``ready`` stores have all ``size`` bytes and wait for their writer's commit.

    ``digests`` are hex by algorithm; ``failed`` says why the other stores are not ready (their writers are
    aborted).
    """

    size: int
    digests: Mapping[str, str]
    finding: Finding | None
    ready: tuple[str, ...]
    failed: Mapping[str, GlimpseError]


def deliver(
    extents: Iterable[Extent],
    writers: Mapping[str, Writer],
    *,
    algorithms: Collection[str] = (),
    inspector: Inspector | None = None,
    progress: Progress = SILENT,
    stop: Stop = NEVER,
    must_all: bool = True,
    size_cap: int | None = None,
    total: int | None = None,
) -> Delivery:
    """Give ``extents`` (ascending, without gaps, from 0) to every writer, the digests and the inspector;
    commit nothing.

    ``extents`` is consumed in a thread of its own. ``progress`` gets the phases ``deliver`` and
    ``deliver:<store>``, of ``total`` bytes. ``size_cap`` is the largest image allowed. Whatever is raised
    (the source's error, the inspector's, TooLarge, DeliveryFailed, what ``stop`` raises), all writers are
    aborted before and no thread is left, except one that hangs in a call to a source or store: it ends when
    that call returns (so close the source).
    """
    size = 0
    with ExitStack() as undo:
        fan = FanOut(writers, must_all=must_all, total=total, progress=progress, stop=stop)
        undo.callback(fan.abort)
        digests = Digests(algorithms)
        undo.callback(digests.close)
        source = prefetch(batches(extents), READ_AHEAD, stop=stop)
        undo.callback(source.close)
        for batch in source:
            stop.check()
            for extent in batch:
                if extent.offset != size:
                    raise GlimpseError(f"The source gave offset {extent.offset} where {size} was next.")
                size += extent.length
                if size_cap is not None and size > size_cap:
                    raise TooLarge(f"The image is larger than the {size_cap} bytes that are allowed.")
                if inspector is not None:
                    _inspect(inspector, extent)
            digests.update(*batch)
            fan.write(*batch)
            progress.report("deliver", size, total)
        outcome = fan.finish()
        values = digests.result()
        finding = None if inspector is None else inspector.finish()
        undo.pop_all()
    return Delivery(size, values, finding, outcome.ready, outcome.failed)


def _inspect(inspector: Inspector, extent: Extent) -> None:
    if extent.data is not None:
        inspector.feed(extent.data)
        return
    if isinstance(inspector, SkipsZeros):
        inspector.feed_zeros(extent.length)
        return
    for zeros in zero_buffers(extent.length):
        inspector.feed(zeros)
