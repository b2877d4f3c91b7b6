"""Runs the last part of every plan: one pass feeds the inspector, the digests and all stores."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from glimpse.errors import GlimpseError, TooLarge
from glimpse.transfer.digest import Digests
from glimpse.transfer.disk.judge import Finding
from glimpse.transfer.extent import Buffer, Extent
from glimpse.transfer.fanout import FanOut
from glimpse.transfer.protocols import Progress, Stop, Writer
from glimpse.transfer.stop import NEVER, SILENT
from glimpse.transfer.streams import prefetch
from glimpse.transfer.zeros import zero_buffers

# A hole may be larger than any disk: it passes in pieces, so that progress and stop are never further than
# the queues' depth (16) from what is being hashed.
ZERO_PIECE = 8 << 20


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
        source = prefetch(extents, stop=stop)
        undo.callback(source.close)
        for piece in _pieces(source):
            stop.check()
            if piece.offset != size:
                raise GlimpseError(f"The source gave offset {piece.offset} where {size} was next.")
            size += piece.length
            if size_cap is not None and size > size_cap:
                raise TooLarge(f"The image is larger than the {size_cap} bytes that are allowed.")
            if inspector is not None:
                _inspect(inspector, piece)
            digests.update(piece)
            fan.write(piece)
            progress.report("deliver", size, total)
        outcome = fan.finish()
        values = digests.result()
        finding = None if inspector is None else inspector.finish()
        undo.pop_all()
    return Delivery(size, values, finding, outcome.ready, outcome.failed)


def _pieces(extents: Iterable[Extent]) -> Iterator[Extent]:
    for extent in extents:
        if extent.data is not None or extent.length <= ZERO_PIECE:
            yield extent
            continue
        end = extent.offset + extent.length
        for offset in range(extent.offset, end, ZERO_PIECE):
            yield Extent(offset, min(ZERO_PIECE, end - offset), None)


def _inspect(inspector: Inspector, piece: Extent) -> None:
    if piece.data is not None:
        inspector.feed(piece.data)
        return
    if isinstance(inspector, SkipsZeros):
        inspector.feed_zeros(piece.length)
        return
    for zeros in zero_buffers(piece.length):
        inspector.feed(zeros)
