import lzma
import random
import subprocess
import zlib

import pytest

from glimpse.errors import Invalid
from glimpse.testing.decompressor_suite import MIB, MIXED, DecompressorSuite, cut
from glimpse.transfer.decompress import Decompressor
from glimpse.transfer.decompress.xz import MEMORY, Xz


def packed_by(*options: str, data: bytes) -> bytes:
    return subprocess.run(["xz", "-c", "-T1", *options], input=data, capture_output=True, check=True).stdout


def unpacked(packed: bytes, step: int = 1 << 20) -> bytes:
    return b"".join(Xz().decompress(cut(packed, step)))


class TestXz(DecompressorSuite):
    memory = MEMORY
    padding = (4, 8, 512, 8192)
    no_padding = (1, 2, 3, 5, 4099)

    def decompressor(self) -> Decompressor:
        return Xz()

    def compress(self, data: bytes) -> bytes:
        return packed_by("-1", data=data)

    def hungriest(self, data: bytes) -> bytes:
        return packed_by("--lzma2=preset=0,dict=128MiB", data=data)


@pytest.mark.parametrize("check", ["none", "crc32", "crc64", "sha256"])
def test_every_check_of_the_tool(check: str) -> None:
    packed = bytearray(packed_by(f"--check={check}", data=MIXED))
    assert unpacked(bytes(packed)) == MIXED


@pytest.mark.parametrize("check", ["crc32", "crc64", "sha256"])
def test_content_that_does_not_match_its_check_is_damage(check: str) -> None:
    # xz stores what does not pack as it is: a byte of it can be changed, and nothing but the check tells.
    content = random.Random(1).randbytes(5000)
    packed = bytearray(packed_by(f"--check={check}", data=content))
    packed[packed.index(content) + 7] ^= 1
    with pytest.raises(Invalid, match="damaged in stream 1"):
        unpacked(bytes(packed))


@pytest.mark.parametrize(
    "options", [["-0"], ["-9e"], ["--block-size=100KiB"], ["--x86", "--lzma2=preset=1"], ["-T2", "-1"]]
)
def test_the_tools_options(options: list[str]) -> None:
    assert unpacked(packed_by(*options, data=MIXED)) == MIXED


def test_a_dictionary_beyond_the_bound_is_refused_and_takes_nothing() -> None:
    with pytest.raises(Invalid, match=r"needs more than the 130 MiB.*stream 1") as caught:
        unpacked(packed_by("--lzma2=preset=0,dict=192MiB", data=bytes(9 * MIB)))
    assert "dictionary" in caught.value.hint


@pytest.mark.parametrize("step", [1, 100, 1 << 20])
def test_padding_may_stand_between_streams(step: int) -> None:
    packed = packed_by(data=b"one") + bytes(8) + packed_by(data=b"two") + bytes(4)
    assert unpacked(packed, step) == b"onetwo"
    with pytest.raises(Invalid, match="something else follows"):
        unpacked(packed_by(data=b"one") + bytes(6) + packed_by(data=b"two"), step)


def test_padding_of_odd_length_is_told_with_its_length() -> None:
    with pytest.raises(Invalid, match="ends with 5 zeros; their number must be a multiple of 4"):
        unpacked(packed_by(data=b"x") + bytes(5))


def test_a_check_that_nobody_knows_is_refused() -> None:
    packed = bytearray(packed_by("--check=none", data=b"content"))
    packed[7] = 2
    packed[8:12] = zlib.crc32(bytes(packed[6:8])).to_bytes(4, "little")
    with pytest.raises(Invalid, match=r"checksum that is not known here \(number 2\)"):
        unpacked(bytes(packed))


def test_the_older_lzma_format_is_not_taken_for_xz() -> None:
    old = lzma.compress(MIXED, format=lzma.FORMAT_ALONE)
    assert not Xz().matches(old[:512])
    with pytest.raises(Invalid, match="not xz data"):
        unpacked(old)
