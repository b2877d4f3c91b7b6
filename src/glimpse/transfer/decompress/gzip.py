"""gzip (RFC 1952), through ISA-L.

Measured on 200 MB of output: IgzipDecompressor 0.71 GB/s, isal_zlib.decompressobj 0.70, zlib 0.3. With a
second thread that wants the interpreter all the time the first takes 2.3 s, the second 12 s, because it gives
the lock away for every 16 KiB: so the first it is.
"""

from collections.abc import Iterable, Iterator

from isal import igzip_lib

from glimpse.errors import Invalid
from glimpse.transfer.decompress.base import UNLIMITED, Limits
from glimpse.transfer.decompress.gzip_header import MAGIC, PLAIN, header_length
from glimpse.transfer.extent import Buffer
from glimpse.transfer.streams import close, regroup

# The largest piece of output, however far the input expands.
PIECE = 4 << 20
# How much input goes into one call. What is left after a member's end is copied by the library, so the first
# call for a member is small: a MiB of 20-byte members would otherwise copy 26 GB.
FIRST_INPUT = 64 * 1024
INPUT = 1 << 20
# How much of what may be a header is looked at first; it doubles until the header is complete.
FIRST_HEADER = 64


class Gzip:
    """Any number of members one after another; zeros after the last one (tape blocks) are skipped."""

    name = "gzip"

    def matches(self, head: bytes) -> bool:
        """By magic and method."""
        return head.startswith(PLAIN[:3])

    def decompress(self, chunks: Iterable[Buffer], *, limits: Limits = UNLIMITED) -> Iterator[Buffer]:
        """See :class:`glimpse.transfer.decompress.base.Decompressor`."""
        return regroup(_Members(limits).unpack(chunks))


class _Members:
    """Follows the input from member to member and counts, so that errors can say where."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._decoder: igzip_lib.IgzipDecompressor | None = None
        self._members = 0
        self._taken = 0  # Bytes of input that are behind us.
        self._produced = 0
        self._padding = False
        self._head = b""  # What is there of a member's header that is not complete yet.
        self._slice = FIRST_INPUT

    def unpack(self, chunks: Iterable[Buffer]) -> Iterator[Buffer]:
        """The output of all members."""
        upstream = iter(chunks)
        try:
            for chunk in upstream:
                yield from self._take(memoryview(chunk))
        finally:
            close(upstream)
        self._check_end()

    def _take(self, chunk: memoryview) -> Iterator[Buffer]:
        position = 0
        while position < len(chunk):
            if self._decoder is None:
                used = self._between(chunk[position:])
            else:
                piece = chunk[position : position + self._slice]
                yield from self._decode(self._decoder, piece)
                used = len(piece) - len(self._decoder.unused_data)
                if self._decoder.eof:
                    self._decoder = None
                self._slice = INPUT
            position += used
            self._taken += used

    def _decode(self, decoder: igzip_lib.IgzipDecompressor, piece: Buffer) -> Iterator[Buffer]:
        data = piece
        while True:
            try:
                output = decoder.decompress(data, PIECE)
            except igzip_lib.IsalError as error:  # type: ignore[misc]
                raise Invalid(
                    f"The gzip data is damaged in member {self._members}, after byte {self._taken} "
                    f"({self._produced} bytes unpacked): {error}."
                ) from error
            self._produced += len(output)
            self._limits.check(Gzip.name, self._produced)
            if output:
                yield output
            if decoder.eof or decoder.needs_input:
                return
            data = b""

    def _between(self, rest: memoryview) -> int:
        """Skip padding or read on in a member's header; how many bytes were used."""
        if self._members and not self._head and rest[0] == 0:
            self._padding = True
            return len(rest) - len(bytes(rest).lstrip(b"\0"))
        before = self._head
        self._head += rest[: max(FIRST_HEADER, len(before))]
        if self._members and (self._padding or not MAGIC.startswith(self._head[:2])):
            raise self._garbage(self._taken - len(before))
        length = header_length(self._head)
        if length is None:
            return len(self._head) - len(before)
        self._head = b""
        self._members += 1
        self._slice = FIRST_INPUT
        self._decoder = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
        self._decoder.decompress(PLAIN)
        return length - len(before)

    def _garbage(self, at: int) -> Invalid:
        return Invalid(
            f"The gzip data ends at byte {at} (member {self._members}), but something else follows it."
        )

    def _check_end(self) -> None:
        if self._members and len(self._head) == 1:
            raise self._garbage(self._taken - 1)
        if not self._members and not self._head:
            raise Invalid("The gzip data is empty.")
        if self._head or self._decoder is not None:
            member = self._members + bool(self._head)
            raise Invalid(
                f"The gzip data is truncated: it ends at byte {self._taken}, inside member {member} "
                f"({self._produced} bytes unpacked)."
            )
