import errno
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from glimpse.errors import Cancelled, Invalid
from glimpse.testing.smalldisk import small_disk
from glimpse.transfer.copy import STEP, copy_file, data_ranges
from tests.unit.transfer.helpers import MIB, Switch


@contextmanager
def opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("size", [0, 1, 511, MIB, 3 * MIB + 7])
def test_the_copy_has_the_same_bytes(tmp_path: Path, size: int) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(os.urandom(size))
    with opened(target) as descriptor:
        assert copy_file(source, descriptor) == size
    assert target.read_bytes() == source.read_bytes()


def test_holes_stay_holes(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    with source.open("wb") as file:
        file.seek(10 * MIB)
        file.write(os.urandom(MIB))
        file.seek(300 * MIB)
        file.write(os.urandom(MIB))
        file.truncate(1 << 40)
    with opened(target) as descriptor:
        assert copy_file(source, descriptor) == 1 << 40
    assert target.stat().st_size == 1 << 40
    assert target.stat().st_blocks == source.stat().st_blocks
    with source.open("rb") as one, target.open("rb") as two:
        assert list(data_ranges(one.fileno(), 1 << 40)) == list(data_ranges(two.fileno(), 1 << 40))
        for begin in (0, 10 * MIB, 11 * MIB, 300 * MIB):
            assert os.pread(one.fileno(), MIB, begin) == os.pread(two.fileno(), MIB, begin)


def test_the_copy_has_blocks_of_its_own(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(os.urandom(MIB))
    with opened(target) as descriptor:
        copy_file(source, descriptor)
    subprocess.run(["sync", source, target], check=True)
    shown = subprocess.run(["filefrag", "-v", target], capture_output=True, text=True, check=False)
    if shown.returncode:
        pytest.skip(f"blocks cannot be seen on this file system: {shown.stderr}")
    assert not re.search(r"\bshared\b", shown.stdout)


def test_progress_is_reported_and_counts_holes(tmp_path: Path) -> None:
    source = tmp_path / "source"
    with source.open("wb") as file:
        file.write(b"x" * MIB)
        file.truncate(9 * MIB)
    reports: list[int] = []
    with opened(tmp_path / "target") as descriptor:
        copy_file(source, descriptor, report=reports.append)
    assert reports == sorted(reports)
    assert reports[-1] == 9 * MIB


def test_stop_is_honoured_between_steps(tmp_path: Path) -> None:
    source = tmp_path / "source"
    with source.open("wb") as file:
        for _ in range(3):
            file.write(bytes(STEP))
    switch = Switch()
    copied: list[int] = []

    def report(done: int) -> None:
        copied.append(done)
        switch.set = True

    with opened(tmp_path / "target") as descriptor, pytest.raises(Cancelled):
        copy_file(source, descriptor, stop=switch, report=report)
    assert len(copied) == 1
    assert copied[0] <= STEP


def test_a_source_that_shrinks_is_found(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x" * (STEP + MIB))

    def report(done: int) -> None:
        os.truncate(source, MIB)

    with opened(tmp_path / "target") as descriptor, pytest.raises(Invalid, match="shrank"):
        copy_file(source, descriptor, report=report)


def test_a_full_disk_is_the_systems_error(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(os.urandom(8 * MIB))
    with small_disk(2 * MIB) as directory, opened(directory / "target") as descriptor:
        with pytest.raises(OSError, match="No space left") as caught:
            copy_file(source, descriptor)
        assert caught.value.errno == errno.ENOSPC


def test_an_open_file_is_copied_whatever_its_position(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"content")
    with source.open("rb") as file, opened(target) as descriptor:
        file.seek(5)
        assert copy_file(file.fileno(), descriptor) == 7
    assert target.read_bytes() == b"content"
