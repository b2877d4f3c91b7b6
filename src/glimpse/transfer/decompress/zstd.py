"""Zstandard (RFC 8878), through libzstd.

``backports.zstd`` is what Python 3.14 has as ``compression.zstd``; it tells where a frame ends and can be kept to an
amount of output, which the older binding (``zstandard``) cannot at once. Both unpack 1.05 GB for each processor second.

A decoder takes the window that the frame asks for, and some 300 KiB. 128 MiB is what ``zstd`` itself allows where
nothing else is said, and what its highest levels and ``--long`` use.
"""

from collections.abc import Iterable, Iterator

from backports import zstd

from glimpse.transfer.decompress import skippable
from glimpse.transfer.decompress.base import UNLIMITED, Limits
from glimpse.transfer.decompress.parts import Decoder, Format, unpack
from glimpse.transfer.extent import Buffer

WINDOW_LOG = 27
# The window, and what is around it.
MEMORY = (1 << WINDOW_LOG) + (2 << 20)

_MAGIC = b"\x28\xb5\x2f\xfd"
# In the byte behind the magic: a bit that no encoder may set.
_RESERVED = 0x08
_OPTIONS = {int(zstd.DecompressionParameter.window_log_max): WINDOW_LOG}


class Zstd:
    """Any number of frames one after another, with content and without; no padding, as ``zstd`` allows none."""

    name = "zstd"

    def matches(self, head: bytes) -> bool:
        """By the magic of the first frame with content."""
        head = skippable.after(head)
        return len(head) > len(_MAGIC) and head.startswith(_MAGIC) and not head[len(_MAGIC)] & _RESERVED

    def decompress(self, chunks: Iterable[Buffer], *, limits: Limits = UNLIMITED) -> Iterator[Buffer]:
        """See :class:`glimpse.transfer.decompress.base.Decompressor`."""
        return unpack(_FORMAT, chunks, limits)


def _begins(head: bytes) -> bool:
    return _MAGIC.startswith(head[: len(_MAGIC)]) or skippable.begins(head)


def _open(head: bytes) -> tuple[Decoder, int] | None:
    if len(head) < len(_MAGIC):
        return None
    decoder = zstd.ZstdDecompressor(options=_OPTIONS)
    decoder.decompress(head[: len(_MAGIC)])
    return decoder, len(_MAGIC)


_FORMAT = Format(
    "zstd",
    "frame",
    _begins,
    _open,
    errors=(zstd.ZstdError,),
    too_hungry="too much memory",
    memory=MEMORY,
)
