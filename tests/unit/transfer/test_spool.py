import gzip
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from glimpse.errors import Cancelled, NoSpace, TooLarge, Unavailable
from glimpse.testing.smalldisk import small_disk
from glimpse.transfer.decompress import decompressor
from glimpse.transfer.extent import Buffer, Extent
from glimpse.transfer.spool import spool
from tests.unit.transfer.helpers import DEADLINE, MIB, SOON, Recorder, Switch, cut, endless, threads

IMAGE = os.urandom(MIB + 5) + bytes(20 * MIB) + os.urandom(MIB) + bytes(5 * MIB)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "staging" / "image.spool"


@pytest.fixture(autouse=True)
def _directory(path: Path) -> None:
    path.parent.mkdir()


def left(path: Path) -> list[str]:
    """What is in the directory."""
    return sorted(item.name for item in path.parent.iterdir())


@pytest.mark.parametrize("step", [1000, 65536, 3_333_333])
def test_chunks_become_a_sparse_file(path: Path, step: int) -> None:
    progress = Recorder()
    assert spool(cut(IMAGE, step), path, progress=progress, total=len(IMAGE)) == len(IMAGE)
    assert path.read_bytes() == IMAGE
    assert path.stat().st_blocks * 512 <= 3 * MIB
    assert left(path) == ["image.spool"]
    assert progress.phases == {"acquire": (len(IMAGE), len(IMAGE))}
    assert threads() == []


def test_extents_become_a_sparse_file(path: Path) -> None:
    items = [Extent(0, 3, b"abc"), Extent(3, 1 << 35, None), Extent(3 + (1 << 35), 1, b"z")]
    assert spool(items, path) == (1 << 35) + 4
    with path.open("rb") as file:
        assert file.read(4) == b"abc\0"
        file.seek(-2, os.SEEK_END)
        assert file.read() == b"\0z"
    assert path.stat().st_blocks * 512 <= MIB


def test_zeros_at_the_end_count_as_length(path: Path) -> None:
    assert spool([b"x" + bytes(10 * MIB)], path) == 10 * MIB + 1
    assert path.stat().st_size == 10 * MIB + 1


def test_nothing_makes_an_empty_file(path: Path) -> None:
    nothing: list[Buffer] = []
    assert spool(nothing, path) == 0
    assert path.read_bytes() == b""


def test_unpacked_data_is_spooled(path: Path) -> None:
    stream = decompressor("gzip").decompress(cut(gzip.compress(IMAGE), 100_000))
    assert spool(stream, path) == len(IMAGE)
    assert path.read_bytes() == IMAGE


def test_a_dead_process_part_is_overwritten(path: Path) -> None:
    part = path.with_name("image.spool.part")
    part.write_bytes(b"what another process left" * MIB)
    assert spool([b"new"], path) == 3
    assert path.read_bytes() == b"new"
    assert left(path) == ["image.spool"]


def test_nothing_has_the_final_name_before_it_is_complete(path: Path) -> None:
    seen: list[list[str]] = []

    def chunks() -> Iterator[Buffer]:
        yield b"x" * MIB
        seen.append(left(path))
        yield b"y" * MIB

    spool(chunks(), path)
    assert all("image.spool" not in names for names in seen)
    assert left(path) == ["image.spool"]


def test_the_sources_error_leaves_nothing(path: Path) -> None:
    def chunks() -> Iterator[Buffer]:
        yield b"x" * MIB
        raise Unavailable("connection reset after 1 MiB")

    with pytest.raises(Unavailable, match="connection reset after 1 MiB"):
        spool(chunks(), path)
    assert left(path) == []
    assert threads() == []


def test_an_image_beyond_the_cap_leaves_nothing(path: Path) -> None:
    with pytest.raises(TooLarge, match=f"larger than the {5 * MIB} bytes"):
        spool(endless(), path, size_cap=5 * MIB)
    assert left(path) == []
    assert threads() == []
    assert spool(cut(bytes(5 * MIB), MIB), path, size_cap=5 * MIB) == 5 * MIB


def test_a_full_disk_is_no_space_and_says_where() -> None:
    with small_disk(4 * MIB) as directory:
        with pytest.raises(NoSpace, match=str(directory)):
            spool(endless(), directory / "spool")
        assert list(directory.iterdir()) == []
        # There is room for the next one: nothing of the first is kept open.
        assert spool([os.urandom(3 * MIB)], directory / "spool") == 3 * MIB
    assert threads() == []


def test_a_sparse_image_fits_a_small_disk() -> None:
    with small_disk(4 * MIB) as directory:
        assert spool([Extent(0, 1 << 33, None), Extent(1 << 33, 3, b"end")], directory / "spool") > 1 << 33


def test_a_missing_directory_is_explained(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=f"{tmp_path}/nowhere: No such file or directory"):
        spool([b"x"], tmp_path / "nowhere" / "spool")
    assert threads() == []


def test_stop_ends_it_within_a_second_and_leaves_nothing(path: Path) -> None:
    waiting, release = threading.Event(), threading.Event()

    def chunks() -> Iterator[Buffer]:
        yield b"x" * MIB
        waiting.set()
        assert release.wait(DEADLINE)

    switch = Switch()
    ended: list[float] = []

    def run() -> None:
        with pytest.raises(Cancelled):
            spool(chunks(), path, stop=switch)
        ended.append(time.monotonic())

    thread = threading.Thread(target=run)
    thread.start()
    assert waiting.wait(DEADLINE)
    begin = time.monotonic()
    switch.set = True
    thread.join(DEADLINE)
    assert ended[0] - begin < SOON
    assert left(path) == []
    release.set()
