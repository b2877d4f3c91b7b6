import gzip
from collections.abc import Iterator

import pytest

from glimpse.errors import NotFound
from glimpse.transfer.decompress import Limits, decompressor, detect, unpack
from glimpse.transfer.extent import Buffer
from tests.unit.transfer.helpers import cut


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"", None),
        (b"\x1f", None),
        (b"\x1f\x8b\x07", None),
        (b"\x1f\x8b\x08", "gzip"),
        (gzip.compress(b"x", mtime=0), "gzip"),
        (b"QFI\xfb" + bytes(508), None),
        (bytes(512), None),
    ],
)
def test_compression_is_found_by_content(head: bytes, name: str | None) -> None:
    assert detect(head) == name


def test_an_unknown_name_is_not_found() -> None:
    with pytest.raises(NotFound, match="'rar'"):
        decompressor("rar")


@pytest.mark.parametrize("step", [1, 100, 100_000])
def test_what_is_packed_is_unpacked(step: int) -> None:
    name, stream = unpack(cut(gzip.compress(b"content" * 999), step), limits=Limits(7 * 999))
    assert name == "gzip"
    assert b"".join(stream) == b"content" * 999


@pytest.mark.parametrize("data", [b"", b"\x1f", b"plain content" * 999])
def test_what_is_not_packed_passes_unchanged(data: bytes) -> None:
    name, stream = unpack(cut(data, 100))
    assert name is None
    assert b"".join(stream) == data


def test_only_the_head_is_read_before_the_stream_is() -> None:
    taken = 0

    def chunks() -> Iterator[Buffer]:
        nonlocal taken
        while True:
            taken += 1
            yield b"x" * 400

    unpack(chunks())
    assert taken == 2
