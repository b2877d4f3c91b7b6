"""7z files are whole before anybody parses them."""

from pathlib import Path

import pytest

from glimpse.transfer.archive.reader import UnreadableArchive
from glimpse.transfer.archive.seven_zip import check_7z
from tests.unit.transfer.archive.pack import noise, packed


def check(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with path.open("rb") as file:
        check_7z(file.fileno())


def test_a_whole_one_passes(tmp_path: Path) -> None:
    archive = packed("7z", tmp_path, {"disk": noise(5000)})
    check(archive, archive.read_bytes())


def test_one_that_is_cut_short_extended_or_damaged_does_not(tmp_path: Path) -> None:
    archive = packed("7z", tmp_path, {"disk": noise(5000)})
    whole = archive.read_bytes()
    for length in (6, 31, 32, len(whole) - 1):
        with pytest.raises(UnreadableArchive, match="it is cut short"):
            check(archive, whole[:length])
    with pytest.raises(UnreadableArchive, match=f"it ends at byte {len(whole)}, but something else follows"):
        check(archive, whole + b"x")
    for at in range(8, 32):
        with pytest.raises(UnreadableArchive, match="its beginning is damaged"):
            check(archive, whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
