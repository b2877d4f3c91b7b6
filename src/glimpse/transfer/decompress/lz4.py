"""LZ4 frames, through liblz4.

A decoder takes two blocks and some 200 KiB; blocks have at most 4 MiB. The older *legacy* format of ``lz4 -l``, which
has no checksum and no end, is not read.
"""

from collections.abc import Iterable, Iterator

import lz4.frame

from glimpse.transfer.decompress import skippable
from glimpse.transfer.decompress.base import UNLIMITED, Limits
from glimpse.transfer.decompress.parts import Decoder, Format, unpack
from glimpse.transfer.extent import Buffer

_MAGIC = b"\x04\x22\x4d\x18"
# In the two bytes behind the magic: the version, which is 1, bits that are not used, and the size of the blocks.
_VERSION_MASK, _VERSION = 0xC0, 0x40
_RESERVED, _RESERVED_SIZE = 0x02, 0x8F
_SMALLEST = 0x40


class Lz4:
    """Any number of frames one after another, with content and without; no padding, as ``lz4`` allows none."""

    name = "lz4"

    def matches(self, head: bytes) -> bool:
        """By the magic of the first frame with content, and what its header must and must not say."""
        head = skippable.after(head)
        if not head.startswith(_MAGIC) or len(head) < len(_MAGIC) + 2:
            return False
        flags, size = head[len(_MAGIC)], head[len(_MAGIC) + 1]
        known = flags & _VERSION_MASK == _VERSION and not flags & _RESERVED
        return known and not size & _RESERVED_SIZE and size >= _SMALLEST

    def decompress(self, chunks: Iterable[Buffer], *, limits: Limits = UNLIMITED) -> Iterator[Buffer]:
        """See :class:`glimpse.transfer.decompress.base.Decompressor`."""
        return unpack(_FORMAT, chunks, limits)


def _begins(head: bytes) -> bool:
    return _MAGIC.startswith(head[: len(_MAGIC)]) or skippable.begins(head)


def _open(head: bytes) -> tuple[Decoder, int] | None:
    if len(head) < len(_MAGIC):
        return None
    decoder: Decoder = lz4.frame.LZ4FrameDecompressor()
    decoder.decompress(head[: len(_MAGIC)])
    return decoder, len(_MAGIC)


# The binding has no error of its own.
_FORMAT = Format("lz4", "frame", _begins, _open, errors=(RuntimeError,))
