"""bzip2, through libbz2 as Python brings it.

A decoder takes 3.7 MiB, or less where the blocks are smaller than the largest.
"""

import bz2
from collections.abc import Iterable, Iterator

from glimpse.transfer.decompress.base import UNLIMITED, Limits
from glimpse.transfer.decompress.parts import Decoder, Format, unpack
from glimpse.transfer.extent import Buffer

_MAGIC = b"BZh"
# What follows the magic and the size of the blocks: a block (pi), or the end of a stream that has none (its root).
_BLOCK = bytes.fromhex("314159265359")
_END = bytes.fromhex("177245385090")
_HEADER = 10


class Bzip2:
    """Any number of streams one after another; zeros after the last one (tape blocks) are skipped.

    ``bzip2`` itself ignores whatever follows the last stream; here only zeros are, since all else may be data that
    was damaged.
    """

    name = "bzip2"

    def matches(self, head: bytes) -> bool:
        """By magic, size of the blocks, and the mark of the first block: three letters alone would be weak."""
        return head.startswith(_MAGIC) and head[3:4] in _SIZES and head[4:_HEADER] in (_BLOCK, _END)

    def decompress(self, chunks: Iterable[Buffer], *, limits: Limits = UNLIMITED) -> Iterator[Buffer]:
        """See :class:`glimpse.transfer.decompress.base.Decompressor`."""
        return unpack(_FORMAT, chunks, limits)


_SIZES = tuple(b"%d" % size for size in range(1, 10))


def _begins(head: bytes) -> bool:
    return _MAGIC.startswith(head[: len(_MAGIC)])


def _open(head: bytes) -> tuple[Decoder, int] | None:
    if len(head) < len(_MAGIC):
        return None
    decoder = bz2.BZ2Decompressor()
    decoder.decompress(head[: len(_MAGIC)])
    return decoder, len(_MAGIC)


_FORMAT = Format("bzip2", "stream", _begins, _open, errors=(OSError,), padding=1)
