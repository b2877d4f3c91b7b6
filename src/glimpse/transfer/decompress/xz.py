"""xz, through liblzma as Python brings it.

A decoder takes as much as the dictionary it is asked for, and some 100 KiB: 65 MiB for what ``xz -9`` has packed, the
largest of xz's levels. 128 MiB, as for zstd, is allowed for dictionaries that were asked for by size.
"""

import lzma
from collections.abc import Iterable, Iterator

from glimpse.errors import Invalid
from glimpse.transfer.decompress.base import UNLIMITED, Limits
from glimpse.transfer.decompress.parts import Decoder, Format, unpack
from glimpse.transfer.extent import Buffer

# The dictionary of 128 MiB, and what is around it.
MEMORY = 130 << 20

_MAGIC = b"\xfd7zXZ\0"
# Magic, flags, and a checksum of them; the check of the content is in the lower half of the second flag byte.
_HEADER = 12


class Xz:
    """Any number of streams, with padding between and after them in multiples of four zeros, as ``xz`` reads it."""

    name = "xz"

    def matches(self, head: bytes) -> bool:
        """By magic, and the flags that there can be."""
        return len(head) >= _HEADER and head.startswith(_MAGIC + b"\0") and head[7] < 16

    def decompress(self, chunks: Iterable[Buffer], *, limits: Limits = UNLIMITED) -> Iterator[Buffer]:
        """See :class:`glimpse.transfer.decompress.base.Decompressor`."""
        return unpack(_FORMAT, chunks, limits)


def _begins(head: bytes) -> bool:
    return _MAGIC.startswith(head[: len(_MAGIC)])


def _open(head: bytes) -> tuple[Decoder, int] | None:
    if len(head) < _HEADER:
        return None
    decoder = lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=MEMORY)
    decoder.decompress(head[:_HEADER])
    # liblzma would unpack it, and not look whether it is right.
    if not lzma.is_check_supported(check := head[7] & 15):
        raise Invalid(f"The xz data is protected by a checksum that is not known here (number {check}).")
    return decoder, _HEADER


_FORMAT = Format(
    "xz",
    "stream",
    _begins,
    _open,
    errors=(lzma.LZMAError,),
    too_hungry="Memory usage limit exceeded",
    memory=MEMORY,
    padding=4,
    resumes=True,
)
