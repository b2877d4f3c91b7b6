"""gzip (RFC 1952), through ISA-L.

Measured on 200 MB of output: IgzipDecompressor 0.71 GB/s, isal_zlib.decompressobj 0.70, zlib 0.3. With a
second thread that wants the interpreter all the time the first takes 2.3 s, the second 12 s, because it gives
the lock away for every 16 KiB: so the first it is.

A decoder takes some 100 KiB.
"""

from collections.abc import Iterable, Iterator

from isal import igzip_lib

from glimpse.transfer.decompress.base import UNLIMITED, Limits
from glimpse.transfer.decompress.gzip_header import MAGIC, PLAIN, header_length
from glimpse.transfer.decompress.parts import Decoder, Format, unpack
from glimpse.transfer.extent import Buffer


class Gzip:
    """Any number of members one after another; zeros after the last one (tape blocks) are skipped."""

    name = "gzip"

    def matches(self, head: bytes) -> bool:
        """By magic and method."""
        return head.startswith(PLAIN[:3])

    def decompress(self, chunks: Iterable[Buffer], *, limits: Limits = UNLIMITED) -> Iterator[Buffer]:
        """See :class:`glimpse.transfer.decompress.base.Decompressor`."""
        return unpack(_FORMAT, chunks, limits)


def _begins(head: bytes) -> bool:
    return MAGIC.startswith(head[:2])


def _open(head: bytes) -> tuple[Decoder, int] | None:
    length = header_length(head)
    if length is None:
        return None
    decoder: Decoder = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
    decoder.decompress(PLAIN)
    return decoder, length


# The stub declares the class as an instance.
_FORMAT = Format("gzip", "member", _begins, _open, errors=(igzip_lib.IsalError,), padding=1)  # type: ignore[arg-type]
