import subprocess

import pytest

from glimpse.errors import Invalid
from glimpse.testing.decompressor_suite import MIXED, DecompressorSuite, cut
from glimpse.transfer.decompress import Decompressor
from glimpse.transfer.decompress.bzip2 import Bzip2


def packed_by(*options: str, data: bytes) -> bytes:
    return subprocess.run(["bzip2", "-c", *options], input=data, capture_output=True, check=True).stdout


def unpacked(packed: bytes, step: int = 1 << 20) -> bytes:
    return b"".join(Bzip2().decompress(cut(packed, step)))


class TestBzip2(DecompressorSuite):
    padding = (1, 4, 512, 8192)
    no_padding = ()

    def decompressor(self) -> Decompressor:
        return Bzip2()

    def compress(self, data: bytes) -> bytes:
        return packed_by(data=data)


@pytest.mark.parametrize("level", range(1, 10))
def test_every_size_of_blocks(level: int) -> None:
    packed = packed_by(f"-{level}", data=MIXED)
    assert Bzip2().matches(packed[:512])
    assert unpacked(packed) == MIXED


def test_an_empty_stream_is_found() -> None:
    assert Bzip2().matches(packed_by(data=b""))


@pytest.mark.parametrize(
    "head", [b"BZh", b"BZh9", b"BZh91AY&S", b"BZh01AY&SY", b"BZh:1AY&SY", b"BZhello world, this is text"]
)
def test_three_letters_are_not_enough(head: bytes) -> None:
    assert not Bzip2().matches(head)


def test_a_stream_behind_padding_is_garbage() -> None:
    packed = packed_by(data=b"one")
    with pytest.raises(Invalid, match=rf"ends at byte {len(packed) + 4} .*something else follows"):
        unpacked(packed + bytes(4) + packed)


def test_a_wrong_checksum_is_damage() -> None:
    packed = bytearray(packed_by(data=MIXED))
    packed[10] ^= 1
    with pytest.raises(Invalid, match=r"damaged in stream 1"):
        unpacked(bytes(packed))
