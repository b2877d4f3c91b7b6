import os
from pathlib import Path

import pytest

from glimpse.errors import Gone, NotFound, Unavailable
from glimpse.testing.stream_suite import StreamSuite
from glimpse.transfer.protocols import LocalFile, Stream
from glimpse.transfer.sources.file import FileSource
from tests.unit.transfer.helpers import MIB, joined


class TestFileSource(StreamSuite):
    @pytest.fixture(autouse=True)
    def _place(self, tmp_path: Path) -> None:
        self.path = tmp_path / "file"

    def stream(self, content: bytes) -> Stream:
        self.path.write_bytes(content)
        return FileSource(self.path)


def sparse(path: Path) -> bytes:
    """A file with a hole at its beginning, one inside and one at its end; its content."""
    with path.open("wb") as file:
        file.seek(4 * MIB)
        file.write(b"a" * MIB)
        file.seek(8 * MIB)
        file.write(bytes(MIB) + b"b" * 10)
        file.truncate(20 * MIB + 7)
    return path.read_bytes()


def test_holes_are_extents_without_data(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    content = sparse(path)
    source = FileSource(path)
    found = list(source.extents())
    source.close()
    assert joined(found) == content
    assert found[0].is_zero
    assert found[0].length == 4 * MIB
    assert found[-1].is_zero
    assert sum(extent.length for extent in found if not extent.is_zero) < 3 * MIB


def test_stored_zeros_are_data(tmp_path: Path) -> None:
    path = tmp_path / "zeros"
    path.write_bytes(bytes(MIB))
    source = FileSource(path)
    assert [extent.is_zero for extent in source.extents()] == [False]
    source.close()


def test_a_file_that_is_one_hole(tmp_path: Path) -> None:
    path = tmp_path / "hole"
    path.touch()
    os.truncate(path, 1 << 40)
    source = FileSource(path)
    assert [(extent.offset, extent.length, extent.is_zero) for extent in source.extents()] == [
        (0, 1 << 40, True)
    ]
    source.close()


def test_an_empty_file_has_no_extents(tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.touch()
    source = FileSource(path)
    assert list(source.extents()) == []
    source.close()


def test_it_is_a_local_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    source = FileSource(path)
    assert isinstance(source, LocalFile)
    assert source.path == path
    source.close()


def test_no_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        FileSource(tmp_path / "nowhere")


def test_a_directory_is_explained(tmp_path: Path) -> None:
    source = FileSource(tmp_path)
    with pytest.raises(Unavailable, match=rf"reading {tmp_path}: Is a directory"):
        list(source.chunks())
    source.close()


def test_a_file_that_shrinks_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(3 * MIB))
    source = FileSource(path)
    chunks = source.chunks()
    next(chunks)
    os.truncate(path, MIB)
    with pytest.raises(Gone, match=rf"shrank from {3 * MIB} to {MIB} bytes"):
        list(chunks)
    source.close()


def test_no_descriptor_is_left(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 100)
    before = set(os.listdir("/proc/self/fd"))  # noqa: PTH208
    source = FileSource(path, chunk=10)
    chunks = source.chunks()
    next(chunks)
    source.close()
    assert set(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
