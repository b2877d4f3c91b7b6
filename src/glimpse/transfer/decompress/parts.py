"""Streams that are made of parts one after another: gzip's members, xz's and bzip2's streams, zstd's and lz4's frames.

The standard library's decoders, and those of others that have the same interface, end with one part. Here is
what lies around them: where a part begins, what may follow the last one, and what is said when something is wrong.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from glimpse.errors import Invalid
from glimpse.transfer.decompress.base import Limits
from glimpse.transfer.extent import Buffer
from glimpse.transfer.streams import close, regroup

# The largest piece of output, however far the input expands, and how much input goes into one call. A decoder
# gives the interpreter's lock away once a call, so both are large; beyond a core's cache it is slower again.
# 200 MiB of programs, processor seconds with pieces of 256 KiB, 1 MiB, 4 MiB: zstd 0.19, 0.20, 0.25; lz4 0.15,
# 0.16, 0.22.
PIECE = 1 << 20
INPUT = 256 * 1024
# What is left after a part's end is copied by the decoders, so the first call for a part is small: a million parts
# of some bytes in a chunk of 4 MiB would otherwise copy some hundred GB. It costs 2 µs for each, a decoder 1 to 6.
FIRST_INPUT = 64 * 1024
# How much of what may be a part's beginning is looked at first; it doubles until the format is content.
FIRST_HEAD = 64
# How much of what may be padding is looked at in one go; it is copied, so it must be little where parts are many.
PADDING = 4096


class Decoder(Protocol):
    """Unpacks one part; the interface of ``lzma.LZMADecompressor``."""

    @property
    def eof(self) -> bool:
        """Whether the part has ended, and was found to be whole."""

    @property
    def needs_input(self) -> bool:
        """Whether there is no more output without more input."""

    @property
    def unused_data(self) -> bytes | None:
        """What was given beyond the end of the part."""

    def decompress(self, data: Buffer, max_length: int = -1, /) -> bytes:
        """At most ``max_length`` bytes of output; with ``b""`` what is left of the input before."""


@dataclass(frozen=True, slots=True)
class Format:
    """How the parts of a format are told and read."""

    name: str
    # What a part is called.
    part: str
    # Whether a part may begin with these bytes, one or more.
    begins: Callable[[bytes], bool]
    # A decoder that has been given the beginning of these bytes, and how many of them; None while they are too few.
    # Raises Invalid, or one of ``errors``.
    open: Callable[[bytes], tuple[Decoder, int] | None]
    # What the decoder raises for damaged data, and what it then says where the data is not damaged but needs more
    # memory than ``memory`` (bytes).
    errors: tuple[type[Exception], ...]
    too_hungry: str = ""
    memory: int = 0
    # Zeros behind a part are padding if their number can be divided by this; 0: there is no padding.
    padding: int = 0
    # Whether another part may follow them.
    resumes: bool = False


def unpack(format: Format, chunks: Iterable[Buffer], limits: Limits) -> Iterator[Buffer]:
    """The output of all parts: see :meth:`glimpse.transfer.decompress.base.Decompressor.decompress`."""
    return regroup(_Parts(format, limits).unpack(chunks))


class _Parts:
    """Follows the input from part to part and counts, so that errors can say where."""

    def __init__(self, format: Format, limits: Limits) -> None:
        self._format = format
        self._limits = limits
        self._decoder: Decoder | None = None
        self._parts = 0
        self._taken = 0  # Bytes of input that are behind us.
        self._produced = 0
        self._zeros = 0  # Bytes of padding since the last part.
        self._head = b""  # What is there of a part's beginning that is not complete yet.
        self._slice = FIRST_INPUT

    def unpack(self, chunks: Iterable[Buffer]) -> Iterator[Buffer]:
        """The output of all parts."""
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
                used = len(piece)
                if self._decoder.eof:
                    used -= len(self._decoder.unused_data or b"")
                    self._decoder = None
                self._slice = INPUT
            position += used
            self._taken += used

    def _decode(self, decoder: Decoder, piece: Buffer) -> Iterator[Buffer]:
        data = piece
        while True:
            try:
                output = decoder.decompress(data, PIECE)
            except self._format.errors as error:
                raise self._wrong(error) from error
            self._produced += len(output)
            self._limits.check(self._format.name, self._produced, self._taken + len(piece))
            if output:
                yield output
            if decoder.eof or decoder.needs_input:
                return
            data = b""

    def _between(self, rest: memoryview) -> int:
        """Skip padding or read on in a part's beginning; how many bytes were used."""
        if self._parts and self._format.padding and not self._head and rest[0] == 0:
            rest = rest[:PADDING]
            zeros = len(rest) - len(bytes(rest).lstrip(b"\0"))
            self._zeros += zeros
            return zeros
        before = self._head
        self._head += rest[: max(FIRST_HEAD, len(before))]
        if not self._format.begins(self._head) or (self._zeros and not self._may_resume()):
            raise self._foreign(self._taken - len(before))
        try:
            opened = self._format.open(self._head)
        except self._format.errors as error:
            self._parts += 1
            raise self._wrong(error) from error
        if opened is None:
            return len(self._head) - len(before)
        self._decoder, length = opened
        self._head = b""
        self._zeros = 0
        self._parts += 1
        self._slice = FIRST_INPUT
        return length - len(before)

    def _may_resume(self) -> bool:
        return self._format.resumes and self._zeros % self._format.padding == 0

    def _wrong(self, error: Exception) -> Invalid:
        name, place = self._format.name, f"{self._format.part} {self._parts}"
        if self._format.too_hungry and self._format.too_hungry in str(error):
            return Invalid(
                f"The {name} data needs more than the {self._format.memory >> 20} MiB of memory that unpacking may "
                f"take, in {place}, after byte {self._taken}.",
                hint="Pack it anew with a smaller window or dictionary.",
            )
        return Invalid(
            f"The {name} data is damaged in {place}, after byte {self._taken} "
            f"({self._produced} bytes unpacked): {str(error).rstrip('.')}."
        )

    def _foreign(self, at: int) -> Invalid:
        name = self._format.name
        if not self._parts:
            return Invalid(f"This is not {name} data: it begins with {self._head[:4].hex(' ')}.")
        return Invalid(
            f"The {name} data ends at byte {at} ({self._format.part} {self._parts}), but something else follows it."
        )

    def _check_end(self) -> None:
        name, part = self._format.name, self._format.part
        if self._zeros and self._zeros % self._format.padding:
            raise Invalid(
                f"The {name} data ends with {self._zeros} zeros; their number must be a multiple of "
                f"{self._format.padding}."
            )
        if self._parts and len(self._head) == 1:
            raise self._foreign(self._taken - 1)
        if not self._parts and not self._head:
            raise Invalid(f"The {name} data is empty.")
        if self._head or self._decoder is not None:
            number = self._parts + bool(self._head)
            raise Invalid(
                f"The {name} data is truncated: it ends at byte {self._taken}, inside {part} {number} "
                f"({self._produced} bytes unpacked)."
            )
