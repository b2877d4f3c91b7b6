from pathlib import Path

import pytest

from glimpse.transfer.sparse import data_ranges
from tests.unit.transfer.helpers import MIB


def ranges(path: Path, size: int) -> list[tuple[int, int]]:
    with path.open("rb") as file:
        return list(data_ranges(file.fileno(), size))


def test_data_is_found_between_holes(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.seek(10 * MIB)
        file.write(b"x" * MIB)
        file.seek(300 * MIB)
        file.write(b"x" * MIB)
        file.truncate(1 << 40)
    assert ranges(path, 1 << 40) == [(10 * MIB, 11 * MIB), (300 * MIB, 301 * MIB)]


def test_nothing_beyond_the_size_asked_for_is_given(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(b"x" * 2 * MIB)
    assert ranges(path, MIB) == [(0, MIB)]


@pytest.mark.parametrize("size", [0, 5 * MIB])
def test_a_file_without_data_has_no_ranges(tmp_path: Path, size: int) -> None:
    path = tmp_path / "hole"
    with path.open("wb") as file:
        file.truncate(size)
    assert ranges(path, size) == []
