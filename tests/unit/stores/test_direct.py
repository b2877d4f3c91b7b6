"""What is written past the page cache, and that it is the same bytes as what is not."""

import ctypes
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from glimpse.stores.file import direct
from glimpse.stores.file.direct import DirectFile
from glimpse.stores.file.store import FileStore
from glimpse.transfer.aligned import PAGE, aligned
from glimpse.transfer.extent import Buffer, Extent

MIB = 1 << 20


def filled(length: int) -> memoryview:
    """Random bytes where a disk can read them."""
    memory = aligned(length)
    memory[:] = os.urandom(length)
    return memory


@pytest.fixture
def path() -> Iterator[Path]:
    """An empty file on a disk; the usual temporary directory may be memory."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
        path = Path(directory) / "file"
        path.touch()
        yield path


def cached_pages(path: Path) -> int:
    """How many pages of the file are in the page cache, by ``fincore`` of util-linux."""
    said = subprocess.run(
        ["fincore", "--bytes", "--noheadings", "--output", "PAGES", path],
        check=True,
        capture_output=True,
        text=True,
    )
    return int(said.stdout)


@pytest.mark.parametrize("length", [1, 64 << 10, MIB + 7])
def test_aligned_memory_is_zero_and_begins_at_a_page(length: int) -> None:
    memory = aligned(length)
    assert memory == bytes(length)
    assert ctypes.addressof(ctypes.c_char.from_buffer(memory)) % PAGE == 0


def test_aligned_data_is_taken_and_stays_out_of_the_cache(path: Path) -> None:
    data = filled(MIB)
    file = DirectFile(path)
    assert file.take(data, 2 * MIB)
    file.close()
    assert cached_pages(path) == 0
    assert path.read_bytes() == bytes(2 * MIB) + data


@pytest.mark.parametrize(
    ("data", "offset"),
    [
        (filled(MIB), 512),
        (filled(MIB)[: MIB - 1], 0),
        (filled(2 * MIB)[512 : 512 + MIB], 0),
        (filled(MIB).toreadonly(), 0),
        (filled(PAGE), 0),
    ],
    ids=["offset", "length", "address", "readonly", "small"],
)
def test_what_does_not_fit_is_left_to_the_cache(path: Path, data: Buffer, offset: int) -> None:
    file = DirectFile(path)
    assert not file.take(data, offset)
    file.close()
    assert path.stat().st_size == 0


def test_a_disk_that_is_slow_gets_its_bytes_through_the_cache(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(direct, "SLOWEST_BYTES_A_SECOND", 1e15)
    file = DirectFile(path)
    data = filled(MIB)
    taken = [file.take(data, number * MIB) for number in range(40)]
    assert taken == [True] * 32 + [False] * 8


def test_a_file_system_that_cannot_do_it_takes_nothing(path: Path) -> None:
    file = DirectFile(Path("/proc/self/mem"))
    assert not file.take(filled(MIB), 0)
    file.close()


def test_an_object_of_both_kinds_of_writes_is_whole(tmp_path: Path) -> None:
    store = FileStore("one", {"filesystem_store_datadir": str(tmp_path / "store")})
    store.check()
    pieces: list[Buffer] = [filled(512 << 10), os.urandom(100_000), filled(512 << 10)[:-1], filled(64 << 10)]
    writer = store.writer("3e0a5ab4-63e4-4a4d-8c56-6e58fd5a2bd0", 1, None)
    offset = 0
    for piece in pieces:
        writer.write(Extent(offset, len(piece), piece))
        offset += len(piece)
    url = writer.commit()
    assert Path(url.removeprefix("file://")).read_bytes() == b"".join(pieces)
