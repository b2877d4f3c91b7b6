"""The map of a disk image: what a good one says, and maps that no image has."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from glimpse.errors import TooLarge
from glimpse.transfer import confine
from glimpse.transfer.disk.convert import ConvertLimits, check_source
from glimpse.transfer.disk.failures import UnreadableImage
from glimpse.transfer.disk.inspect import InspectRules
from glimpse.transfer.disk.survey import Survey, _MapReader, survey
from glimpse.transfer.stop import NEVER
from tests.unit.transfer.disk.images import MIB, converted, qemu_img, scattered

PIECE = {
    "start": 0,
    "length": 4096,
    "depth": 0,
    "present": True,
    "zero": False,
    "data": True,
    "offset": 65536,
}


def of(image: Path, format: str) -> Survey:
    limits = ConvertLimits().of_child(64 * MIB)
    return survey(image, format, format, limits=limits, stall=30, confinement=confine.default(), stop=NEVER)


def heard(pieces: Sequence[object]) -> Survey:
    reader = _MapReader("qcow2")
    reader.hear(b"[" + b",\n".join(json.dumps(piece).encode() for piece in pieces) + b"]\n")
    return reader.found


def test_places_are_where_the_data_is(tmp_path: Path) -> None:
    raw = scattered(tmp_path / "raw", 9 * MIB)
    image = converted(raw, tmp_path / "image", "qcow2")
    found, disk, file = of(image, "qcow2"), raw.read_bytes(), image.read_bytes()
    assert found.size == 9 * MIB
    assert found.places
    data = 0
    for number in range(0, len(found.places), 3):
        start, length, place = found.places[number : number + 3]
        assert file[place : place + length].ljust(length, b"\0") == disk[start : start + length]
        data += length
    assert data == found.size - found.holes


def test_what_is_packed_has_no_places(tmp_path: Path) -> None:
    image = converted(scattered(tmp_path / "raw", 9 * MIB), tmp_path / "image", "qcow2", "-c")
    assert of(image, "qcow2").places is None


def test_the_piece_that_others_are_made_of_is_taken() -> None:
    found = heard([PIECE, {**PIECE, "start": 4096, "offset": 0}])
    assert found.places is not None
    assert list(found.places) == [0, 4096, 65536, 4096, 4096, 0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"offset": -5},
        {"offset": 1 << 64},
        {"offset": "1"},
        {"start": -4},
        {"start": 4096},
        {"length": -4096},
        {"length": 1 << 64},
        {"depth": None, "data": None, "zero": None, "offset": None},
    ],
    ids=str,
)
def test_a_map_that_no_image_has_is_not_believed(wrong: dict[str, object]) -> None:
    with pytest.raises(UnreadableImage, match="makes no sense"):
        heard([{**PIECE, **wrong}])


def test_pieces_that_overlap_are_not_believed() -> None:
    with pytest.raises(UnreadableImage, match="makes no sense"):
        heard([PIECE, PIECE])


def test_nesting_without_end_is_not_believed() -> None:
    with pytest.raises(UnreadableImage, match="makes no sense"):
        _MapReader("qcow2").hear(b"[" * 2000 + b"{" + b'"a":[' * 1000 + b"\n")


def test_what_is_there_of_another_file_has_no_places() -> None:
    assert heard([{**PIECE, "depth": 1}]).places is None


def test_holes_of_a_vhdx_are_counted(tmp_path: Path) -> None:
    """Its map says that all of it is data."""
    image = tmp_path / "image"
    qemu_img("create", "-f", "vhdx", image, "64M")
    limits = ConvertLimits(max_sparse_bytes=32 * MIB)
    with pytest.raises(TooLarge, match="bytes of holes"):
        check_source(image, "vhdx", limits, InspectRules(), stop=NEVER, confinement=confine.default())
