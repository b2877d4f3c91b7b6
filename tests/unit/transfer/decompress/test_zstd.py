import os
import subprocess

import pytest
from backports import zstd

from glimpse.errors import Invalid
from glimpse.testing.decompressor_suite import MIB, MIXED, DecompressorSuite, cut
from glimpse.transfer.decompress import Decompressor, detect
from glimpse.transfer.decompress.zstd import MEMORY, Zstd

NOTE = b"\x5a\x2a\x4d\x18" + (9).to_bytes(4, "little") + b"a note..."


def packed_by(*options: str, data: bytes) -> bytes:
    return subprocess.run(["zstd", "-c", *options], input=data, capture_output=True, check=True).stdout


def unpacked(packed: bytes, step: int = 1 << 20) -> bytes:
    return b"".join(Zstd().decompress(cut(packed, step)))


class TestZstd(DecompressorSuite):
    memory = MEMORY

    def decompressor(self) -> Decompressor:
        return Zstd()

    def compress(self, data: bytes) -> bytes:
        return packed_by("-3", data=data)

    def hungriest(self, data: bytes) -> bytes:
        return packed_by("-1", "--long=27", data=data)


@pytest.mark.parametrize(
    "options", [["--fast=5"], ["-1"], ["-12"], ["--ultra", "-22"], ["--long"], ["--no-check"], ["-T2"]]
)
def test_the_tools_options(options: list[str]) -> None:
    assert unpacked(packed_by(*options, data=MIXED)) == MIXED


def test_a_window_beyond_the_bound_is_refused_and_takes_nothing() -> None:
    with pytest.raises(Invalid, match=r"needs more than the 130 MiB.*frame 1") as caught:
        unpacked(packed_by("-1", "--long=28", data=bytes(300 * MIB)))
    assert "smaller window" in caught.value.hint


@pytest.mark.parametrize("step", [1, 100, 1 << 20])
def test_frames_without_content_are_skipped(step: int) -> None:
    packed = NOTE + packed_by(data=b"one") + NOTE + NOTE + packed_by(data=b"two") + NOTE
    assert unpacked(packed, step) == b"onetwo"
    assert unpacked(NOTE, step) == b""


def test_a_stream_that_begins_with_a_note_is_found() -> None:
    assert detect((NOTE * 3 + packed_by(data=MIXED))[:512]) == "zstd"
    assert detect(NOTE * 3) is None


def test_a_note_that_is_cut_off_is_truncation() -> None:
    with pytest.raises(Invalid, match=r"truncated.*inside frame 2"):
        unpacked(packed_by(data=b"x") + NOTE[:-1])


def test_a_wrong_checksum_is_damage() -> None:
    packed = bytearray(packed_by(data=MIXED))
    packed[-1] ^= 1
    with pytest.raises(Invalid, match=r"damaged in frame 1, after byte \d+ .*checksum"):
        unpacked(bytes(packed))


def test_a_frame_that_needs_a_dictionary_is_refused() -> None:
    dictionary = zstd.train_dict([b"sample %d of a kind" % number * 9 for number in range(500)], 4096)
    packed = zstd.compress(MIXED, zstd_dict=dictionary)
    with pytest.raises(Invalid, match=r"damaged in frame 1.*[Dd]ictionary"):
        unpacked(packed)


def test_what_follows_the_end_is_named_with_its_place() -> None:
    packed = packed_by(data=os.urandom(1000))
    with pytest.raises(Invalid, match=rf"ends at byte {len(packed)} \(frame 1\), but something else follows"):
        unpacked(packed + b"garbage")
