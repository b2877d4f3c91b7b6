"""Extents in handfuls: what is handed from thread to thread.

Handing over costs some 10 µs per consumer. A file system full of small files alternates between data and
zeros every 64 KiB, and a handover for each of these would cost as much as half of the hashing.
"""

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from glimpse.transfer.extent import Extent
from glimpse.transfer.streams import close

Batch: TypeAlias = tuple[Extent, ...]

# A batch is passed on when it has this much data,
DATA = 1 << 20
# spans this much of the image, so that progress and stop are never far from what is being hashed (a hole may
# be larger than any disk: it is cut),
SPAN = 8 << 20
# or has this many extents.
COUNT = 64


def batches(extents: Iterable[Extent]) -> Iterator[Batch]:
    """``extents`` in order; holes longer than 8 MiB in pieces of that."""
    upstream = iter(extents)
    held: list[Extent] = []
    data = span = 0
    try:
        for extent in upstream:
            for piece in _pieces(extent):
                held.append(piece)
                span += piece.length
                data += piece.length if piece.data is not None else 0
                if data >= DATA or span >= SPAN or len(held) >= COUNT:
                    yield tuple(held)
                    held.clear()
                    data = span = 0
        if held:
            yield tuple(held)
    finally:
        close(upstream)


def _pieces(extent: Extent) -> Iterator[Extent]:
    if extent.data is not None or extent.length <= SPAN:
        yield extent
        return
    end = extent.offset + extent.length
    for offset in range(extent.offset, end, SPAN):
        yield Extent(offset, min(SPAN, end - offset), None)
