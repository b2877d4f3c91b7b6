import gzip
import itertools
import struct
import zlib

import pytest

from glimpse.errors import Invalid
from glimpse.transfer.decompress.gzip import Gzip
from glimpse.transfer.decompress.gzip_header import LONGEST, header_length

CONTENT = b"the content of a member" * 100
FLAGS = range(32)


def header(flags: int, name: bytes = b"disk.raw", extra: bytes = b"AB\x02\x00cd") -> bytes:
    """A header with every optional part that ``flags`` say."""
    head = b"\x1f\x8b\x08" + bytes([flags]) + bytes(4) + b"\x00\xff"
    if flags & 4:
        head += struct.pack("<H", len(extra)) + extra
    if flags & 8:
        head += name + b"\0"
    if flags & 16:
        head += b"a comment\0"
    if flags & 2:
        head += struct.pack("<H", zlib.crc32(head) & 0xFFFF)
    return head


def member(head: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    body = packer.compress(CONTENT) + packer.flush()
    return head + body + struct.pack("<II", zlib.crc32(CONTENT), len(CONTENT))


@pytest.mark.parametrize("flags", FLAGS)
def test_a_header_may_be_cut_anywhere(flags: int) -> None:
    head = header(flags)
    packed = member(head)
    assert gzip.decompress(packed) == CONTENT
    for cut in range(1, len(head) + 4):
        assert b"".join(Gzip().decompress([packed[:cut], packed[cut:]])) == CONTENT


@pytest.mark.parametrize("flags", FLAGS)
def test_its_length_is_known_as_soon_as_it_is_complete(flags: int) -> None:
    head = header(flags)
    assert [header_length(head[:length]) for length in range(len(head))] == [None] * len(head)
    assert header_length(head) == header_length(head + b"\0\1\2") == len(head)


@pytest.mark.parametrize(("flags", "at"), itertools.product([2, 30], [4, 8, 9]))
def test_a_header_that_does_not_match_its_checksum_is_damage(flags: int, at: int) -> None:
    head = bytearray(header(flags))
    head[at] ^= 1
    with pytest.raises(Invalid, match="checksum does not match"):
        header_length(bytes(head))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"PK\3\4", "not gzip data"),
        (b"\x1fx", "not gzip data"),
        (b"\x1f\x8b\x07", "compression method 7"),
        (b"\x1f\x8b\x08\x20", "flags that do not exist"),
    ],
)
def test_other_data_is_refused_at_its_first_wrong_byte(data: bytes, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        header_length(data)


def test_the_longest_extra_field_is_read() -> None:
    packed = member(header(4, extra=bytes(65535)))
    assert b"".join(Gzip().decompress([packed])) == CONTENT
    assert b"".join(Gzip().decompress(packed[i : i + 1000] for i in range(0, len(packed), 1000))) == CONTENT


def test_a_name_without_end_is_refused() -> None:
    endless = header(8)[:10] + b"n" * LONGEST
    assert header_length(endless[:LONGEST]) is None
    with pytest.raises(Invalid, match="longer than"):
        header_length(endless + b"nnn")
    with pytest.raises(Invalid, match="longer than"):
        list(Gzip().decompress([endless * 4]))
