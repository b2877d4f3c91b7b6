"""Zeros become facts: finds the runs of zeros in a stream, at memory speed.

A block is an aligned range of 64 KiB of the image. A block that is all zero becomes (part of) a zero extent;
any other is data as a whole. That depends on the image alone and not on how its bytes were cut into chunks.

Measured with Python 3.11, 64 KiB blocks: 70 GB/s on zeros and 360 GB/s on data (where the first byte
decides), for bytes, bytearray and memoryview alike; ``any(block)`` manages 0.2 GB/s and ``view == ZEROS`` 0.6
GB/s.
"""

from collections.abc import Iterable, Iterator

from glimpse.transfer.extent import Buffer, Extent
from glimpse.transfer.streams import close

# Small enough to find the holes between a file system's groups, large enough that a call per block costs
# nothing (at 4 MiB no hole was ever found in real images).
BLOCK = 64 * 1024
# Shared by everybody who needs actual zeros; never copied. A MiB stays in a core's second-level cache.
ZEROS = bytes(1 << 20)
# A run that is being *found* is passed on at this length: what follows (hashing) should work while we go on
# looking. Holes that are known beforehand keep their length.
RUN = 32 << 20


def is_zero(data: Buffer) -> bool:
    """Whether ``data`` (at most 1 MiB) is all zero."""
    return ZEROS.startswith(data)


def zero_buffers(length: int) -> Iterator[Buffer]:
    """``length`` bytes of zeros as views of the one shared buffer."""
    while length >= len(ZEROS):
        yield ZEROS
        length -= len(ZEROS)
    if length:
        yield memoryview(ZEROS)[:length]


def extents(chunks: Iterable[Buffer], offset: int = 0) -> Iterator[Extent]:
    """The stream as extents without gaps, the first at ``offset``; zero blocks are joined across chunks."""
    upstream = iter(chunks)
    try:
        yield from refine(_number(upstream, offset))
    finally:
        close(upstream)


def refine(given: Iterable[Extent]) -> Iterator[Extent]:
    """The same bytes, with zero blocks inside data found and neighbouring zeros joined up to 32 MiB."""
    upstream = iter(given)
    finder = _Finder()
    try:
        for extent in upstream:
            yield from finder.take(extent)
        yield from finder.rest()
    finally:
        close(upstream)


def _number(chunks: Iterator[Buffer], offset: int) -> Iterator[Extent]:
    for chunk in chunks:
        if chunk:
            yield Extent(offset, len(chunk), chunk)
            offset += len(chunk)


class _Finder:
    """Follows the position in the image; holds zeros back until it is clear if their block has data."""

    def __init__(self) -> None:
        self._start = 0  # Where the zeros begin that have not been passed on yet, and
        self._zeros = 0  # how many they are.
        self._dirty = False  # Whether data of the block at the present position has been passed on.

    def take(self, extent: Extent) -> Iterator[Extent]:
        """What is certain now that ``extent`` is known."""
        if extent.data is None:
            yield from self._take_zeros(extent.offset, extent.length)
            return
        view = memoryview(extent.data)
        data_from: int | None = None
        position = 0
        while position < extent.length:
            offset = extent.offset + position
            end = min(extent.length, position + BLOCK - offset % BLOCK)
            if not self._dirty and ZEROS.startswith(view[position:end]):
                if data_from is not None:
                    yield _data(extent, view, data_from, position)
                    data_from = None
                yield from self._hold(offset, end - position)
            elif data_from is None:
                data_from = position
                yield from self._release(offset)
            position = end
            self._dirty = data_from is not None and (extent.offset + end) % BLOCK != 0
        if data_from is not None:
            yield _data(extent, view, data_from, extent.length)

    def rest(self) -> Iterator[Extent]:
        """The zeros at the end of the image."""
        if self._zeros:
            yield Extent(self._start, self._zeros, None)
            self._zeros = 0

    def _take_zeros(self, offset: int, length: int) -> Iterator[Extent]:
        if self._dirty:
            fill = min(length, BLOCK - offset % BLOCK)
            yield Extent(offset, fill, memoryview(ZEROS)[:fill])
            offset, length = offset + fill, length - fill
            self._dirty = offset % BLOCK != 0
        if length:
            yield from self._hold(offset, length)

    def _hold(self, offset: int, length: int) -> Iterator[Extent]:
        if not self._zeros:
            self._start = offset
        self._zeros += length
        if self._zeros >= RUN:
            spare = (offset + length) % BLOCK
            yield Extent(self._start, self._zeros - spare, None)
            self._start, self._zeros = offset + length - spare, spare

    def _release(self, offset: int) -> Iterator[Extent]:
        """Pass on the zeros held: as data those in the block of ``offset``, where data begins."""
        if not self._zeros:
            return
        begin = max(self._start, offset - offset % BLOCK)
        if self._start < begin:
            yield Extent(self._start, begin - self._start, None)
        if begin < offset:
            yield Extent(begin, offset - begin, memoryview(ZEROS)[: offset - begin])
        self._zeros = 0


def _data(extent: Extent, view: memoryview, begin: int, end: int) -> Extent:
    piece: Buffer
    if end - begin == extent.length and extent.data is not None:
        piece = extent.data
    else:
        piece = view[begin:end]
        # A small view would keep its whole chunk in memory while it waits in a queue that counts the view
        # only.
        if 2 * len(piece) < extent.length:
            piece = bytes(piece)
    return Extent(extent.offset + begin, end - begin, piece)
