"""The records of a zip file are read within their bounds."""

import struct
from pathlib import Path

import pytest

from glimpse.transfer.archive import records
from glimpse.transfer.archive.reader import UnreadableArchive
from tests.unit.transfer.archive.pack import noise, packed

BIG = 0xFFFFFFFF


def test_a_local_header_is_what_the_tool_wrote(tmp_path: Path) -> None:
    archive = packed("zip", tmp_path, {"disk": noise(1000)}, "-0", "-X")
    with archive.open("rb") as file:
        entry, length = records.local(file.fileno(), 0)
    assert (entry.name, entry.method, entry.packed, entry.size) == (b"disk", 0, 1000, 1000)
    assert archive.read_bytes()[length : length + 1000] == noise(1000)


@pytest.mark.parametrize(
    ("extra", "fields", "expected"),
    [
        (b"", [1, 2, 3], [1, 2, 3]),
        (struct.pack("<HHQ", 1, 8, 5), [1, BIG, 3], [1, 5, 3]),
        (struct.pack("<HHQQQ", 1, 24, 5, 6, 7), [BIG, BIG, BIG], [5, 6, 7]),
        (struct.pack("<HHHHHQ", 9, 2, 0, 1, 8, 5), [BIG], [5]),
        (struct.pack("<HHQ", 1, 8, 5) + b"xx", [BIG], [5]),
    ],
)
def test_large_values_stand_in_the_extra_field(extra: bytes, fields: list[int], expected: list[int]) -> None:
    assert records.zip64(extra, fields) == expected


@pytest.mark.parametrize("extra", [b"", b"\1", struct.pack("<HH", 1, 8), struct.pack("<HHL", 1, 4, 5)])
def test_a_large_value_that_is_not_there_is_damage(extra: bytes) -> None:
    with pytest.raises(UnreadableArchive, match="size is missing"):
        records.zip64(extra, [BIG])


def test_nothing_is_read_beyond_the_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    with (tmp_path / "file").open("rb") as file:
        assert records.exactly(file.fileno(), 1, 4) == b"2345"
        for offset, length in ((1, 5), (6, 1), (-1, 1), (1 << 62, 1), ((1 << 64) - 1, 1)):
            with pytest.raises(UnreadableArchive, match="cut short"):
                records.exactly(file.fileno(), offset, length)
            assert records.at_most(file.fileno(), offset, length) == (b"2345" if offset == 1 else b"")


def test_a_directory_is_read_within_its_bounds() -> None:
    whole = struct.pack("<4s6H3L5H2L", b"PK\1\2", *[0] * 9, 4, 2, 3, *[0] * 4) + b"nameXXyyy"
    assert records.central(whole, 0)[1] == len(whole)
    for length in range(len(whole)):
        with pytest.raises(UnreadableArchive, match="directory is cut short"):
            records.central(whole[:length], 0)
    with pytest.raises(UnreadableArchive, match="directory is damaged"):
        records.central(b"x" + whole[1:], 0)
