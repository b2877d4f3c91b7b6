import subprocess

import pytest

from glimpse.errors import Invalid
from glimpse.testing.decompressor_suite import MIB, MIXED, DecompressorSuite, cut
from glimpse.transfer.decompress import Decompressor, detect
from glimpse.transfer.decompress.lz4 import Lz4

NOTE = b"\x50\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"note"


def packed_by(*options: str, data: bytes) -> bytes:
    return subprocess.run(["lz4", "-c", *options], input=data, capture_output=True, check=True).stdout


def unpacked(packed: bytes, step: int = 1 << 20) -> bytes:
    return b"".join(Lz4().decompress(cut(packed, step)))


class TestLz4(DecompressorSuite):
    memory = 9 * MIB

    def decompressor(self) -> Decompressor:
        return Lz4()

    def compress(self, data: bytes) -> bytes:
        return packed_by(data=data)

    def hungriest(self, data: bytes) -> bytes:
        return packed_by("-B7", "-BD", data=data)


@pytest.mark.parametrize(
    "options", [["-1"], ["-9"], ["-B4"], ["-B7", "-BD"], ["-BX"], ["--no-frame-crc"], ["--content-size"]]
)
def test_the_tools_options(options: list[str]) -> None:
    packed = packed_by(*options, data=MIXED)
    assert detect(packed[:512]) == "lz4"
    assert unpacked(packed) == MIXED


@pytest.mark.parametrize("options", [[], ["-BX", "--no-frame-crc"]])
def test_content_that_does_not_match_its_checksum_is_damage(options: list[str]) -> None:
    packed = bytearray(packed_by(*options, data=bytes(range(256))))
    packed[packed.index(bytes(range(256))) + 9] ^= 1
    with pytest.raises(Invalid, match=r"damaged in frame 1, after byte \d+ .*hecksum"):
        unpacked(bytes(packed))


@pytest.mark.parametrize("step", [1, 100, 1 << 20])
def test_frames_without_content_are_skipped(step: int) -> None:
    packed = NOTE + packed_by(data=b"one") + NOTE + NOTE + packed_by(data=b"two") + NOTE
    assert unpacked(packed, step) == b"onetwo"


def test_a_stream_that_begins_with_a_note_is_found() -> None:
    assert detect((NOTE * 3 + packed_by(data=MIXED))[:512]) == "lz4"


def test_the_legacy_format_is_neither_found_nor_read() -> None:
    packed = packed_by("-l", data=MIXED)
    assert detect(packed[:512]) is None
    with pytest.raises(Invalid, match="not lz4 data"):
        unpacked(packed)
