import gzip
import os
import struct
import subprocess
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glimpse.errors import Invalid
from glimpse.testing.decompressor_suite import MIB, MIXED, DecompressorSuite, cut
from glimpse.transfer.decompress import Decompressor
from glimpse.transfer.decompress.gzip import Gzip


class TestGzip(DecompressorSuite):
    padding = (1, 4, 512, 8192)
    no_padding = ()
    memory = MIB

    def decompressor(self) -> Decompressor:
        return Gzip()

    def compress(self, data: bytes) -> bytes:
        return subprocess.run(["gzip", "-c"], input=data, capture_output=True, check=True).stdout


def unpacked(packed: bytes, step: int = 1 << 20) -> bytes:
    return b"".join(Gzip().decompress(cut(packed, step)))


@pytest.mark.parametrize("step", [1, 1000, 1 << 20])
@pytest.mark.parametrize("count", [2, 3, 50])
def test_members_follow_one_another(count: int, step: int) -> None:
    parts = [os.urandom(20 * number) + bytes(500) for number in range(count)]
    assert unpacked(b"".join(gzip.compress(part) for part in parts), step) == b"".join(parts)


def test_empty_members_count_for_nothing() -> None:
    packed = gzip.compress(b"") + gzip.compress(b"a") + gzip.compress(b"") + gzip.compress(b"b")
    assert unpacked(packed) == b"ab"


def test_names_comments_and_checked_headers_are_understood(tmp_path: Path) -> None:
    path = tmp_path / "image.raw"
    path.write_bytes(MIXED)
    named = subprocess.run(["gzip", "-9", "--name", "-c", path], capture_output=True, check=True).stdout
    assert named[3] & 8
    assert unpacked(named) == MIXED
    # Every optional part of RFC 1952: extra field, name, comment, header checksum.
    head = b"\x1f\x8b\x08\x1e" + bytes(4) + b"\x00\xff" + b"\x04\x00ABCD" + b"name\0" + b"comment\0"
    head += struct.pack("<H", zlib.crc32(head) & 0xFFFF)
    packer = zlib.compressobj(wbits=-15)
    content = MIXED[:100_000]
    body = packer.compress(content) + packer.flush()
    packed = head + body + struct.pack("<II", zlib.crc32(content), len(content))
    for step in (1, 7, 100_000):
        assert unpacked(packed, step) == content


@pytest.mark.parametrize("level", [1, 6, 9])
def test_gzips_levels(level: int) -> None:
    packed = subprocess.run(["gzip", f"-{level}"], input=MIXED, capture_output=True, check=True).stdout
    assert unpacked(packed) == MIXED


@pytest.mark.parametrize("step", [1, 511, 1 << 20])
def test_zeros_behind_the_end_are_padding(step: int) -> None:
    assert unpacked(gzip.compress(b"on tape") + bytes(10_240), step) == b"on tape"


@pytest.mark.parametrize("step", [1, 1 << 20])
@pytest.mark.parametrize(
    "garbage", [b"x", b"\x1f", b"\x1fx", b"\0\0\0x", b"\0\0" + gzip.compress(b"late", mtime=0)]
)
def test_anything_else_behind_the_end_is_refused(garbage: bytes, step: int) -> None:
    packed = gzip.compress(b"content")
    with pytest.raises(Invalid, match=r"something else follows") as caught:
        unpacked(packed + garbage, step)
    zeros = len(garbage) - len(garbage.lstrip(b"\0"))
    assert f"at byte {len(packed) + zeros} " in caught.value.message


@pytest.mark.parametrize("step", [1, 1 << 20])
def test_a_wrong_checksum_is_damage(step: int) -> None:
    packed = bytearray(gzip.compress(MIXED))
    packed[-8] ^= 1
    with pytest.raises(Invalid, match=r"damaged in member 1"):
        unpacked(bytes(packed), step if step > 1 else 1000)


def test_a_wrong_length_is_damage() -> None:
    packed = bytearray(gzip.compress(MIXED))
    packed[-1] ^= 1
    with pytest.raises(Invalid, match=r"damaged in member 1"):
        unpacked(bytes(packed))


def test_damage_in_a_later_member_says_which() -> None:
    second = bytearray(gzip.compress(MIXED))
    second[-8] ^= 1
    with pytest.raises(Invalid, match=r"damaged in member 2"):
        unpacked(gzip.compress(b"first") + bytes(second))


def test_truncation_says_where() -> None:
    packed = gzip.compress(MIXED)
    with pytest.raises(Invalid, match=r"truncated: it ends at byte 5000, inside member 1"):
        unpacked(packed[:5000], 777)


def test_other_data_is_called_by_its_name() -> None:
    with pytest.raises(Invalid, match=r"not gzip data"):
        unpacked(b"QFI\xfb" + bytes(100))


@given(st.binary(max_size=300), st.integers(1, 100))
def test_whatever_is_behind_the_magic_ends_well(noise: bytes, step: int) -> None:
    packed = b"\x1f\x8b\x08" + noise
    try:
        expected = gzip.decompress(packed)
    except (EOFError, OSError, zlib.error):
        with pytest.raises(Invalid, match="gzip"):
            unpacked(packed, step)
    else:
        assert unpacked(packed, step) == expected
