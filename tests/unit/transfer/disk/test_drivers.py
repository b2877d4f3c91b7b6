"""A vhd's disk is as large as its footer says, whoever made it."""

import os
from pathlib import Path

import pytest

from glimpse.errors import TooLarge, UnsafeImage
from glimpse.transfer.disk.convert import ConvertLimits
from glimpse.transfer.disk.convert_file import convert_to_file
from glimpse.transfer.disk.inspect import InspectRules, inspect_file
from tests.unit.transfer.disk.children import CONFINEMENTS
from tests.unit.transfer.disk.images import MIB, by_qemu, by_us, converted, described, scattered

SIZE = 9 * MIB
# By the vhd specification's own rule: 271 cylinders, 4 heads, 17 sectors are 4 sectors less than 9 MiB.
GEOMETRY = (271).to_bytes(2, "big") + bytes((4, 17))
CREATORS = [b"vbox", b"vpc ", b"qemu", b"vs  ", b"\xff\0,="]
KINDS = {
    "dynamic": ("-o", "subformat=dynamic,force_size=on"),
    "fixed": ("-o", "subformat=fixed,force_size=on"),
}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A disk whose last sectors hold data."""
    raw = scattered(tmp_path_factory.mktemp("source") / "disk.raw", SIZE)
    with raw.open("r+b") as file:
        file.seek(SIZE - 4 * 512)
        file.write(os.urandom(4 * 512))
    return raw


def made_by(creator: bytes, source: Path, target: Path, kind: str, **fields: bytes) -> Path:
    """``source`` as a vhd with the footer that another program would have written."""
    data = bytearray(converted(source, target, "vpc", *KINDS[kind]).read_bytes())
    for start in (0, len(data) - 512) if kind == "dynamic" else (len(data) - 512,):
        footer = data[start : start + 512]
        assert footer[:8] == b"conectix"
        footer[28:32] = creator
        footer[56:60] = GEOMETRY
        footer[40:48] = fields.get("original", bytes(footer[40:48]))
        footer[48:56] = fields.get("current", bytes(footer[48:56]))
        footer[64:68] = bytes(4)
        footer[64:68] = (~sum(footer) & 0xFFFF_FFFF).to_bytes(4, "big")
        data[start : start + 512] = footer
    target.write_bytes(data)
    return target


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("creator", CREATORS, ids=repr)
def test_nothing_of_the_disk_is_cut_off(creator: bytes, kind: str, source: Path, tmp_path: Path) -> None:
    image = made_by(creator, source, tmp_path / "image", kind)
    # What the creator is to be had for: qemu by itself takes the geometry.
    assert described(image, "vpc")["virtual-size"] == SIZE - 4 * 512
    assert by_us(image, "vhd") == source.read_bytes()
    convert_to_file(image, "vhd", "qcow2", tmp_path / "output", limits=ConvertLimits(), rules=InspectRules())
    assert by_qemu(tmp_path / "output", "qcow2") == source.read_bytes()


@pytest.mark.parametrize("kind", CONFINEMENTS)
def test_a_path_may_have_signs_that_separate_options(kind: str, source: Path, tmp_path: Path) -> None:
    place = tmp_path / "a,file.filename=b,,c"
    place.mkdir()
    image = made_by(b"vbox", source, place / "json:{} ,driver=raw", "dynamic")
    confinement = CONFINEMENTS[kind]()
    assert by_us(image, "vhd", confinement=confinement) == source.read_bytes()
    convert_to_file(
        image,
        "vpc",
        "vdi",
        place / "output,1",
        limits=ConvertLimits(),
        rules=InspectRules(),
        confinement=confinement,
    )
    assert by_qemu(place / "output,1", "vdi") == source.read_bytes()


def test_holes_are_counted_in_the_whole_disk(source: Path, tmp_path: Path) -> None:
    """The limit is below the disk, so that its map is looked at."""
    image = made_by(b"vbox", source, tmp_path / "image", "dynamic")
    assert by_us(image, "vhd", limits=ConvertLimits(max_sparse_bytes=SIZE - 1)) == source.read_bytes()
    empty = tmp_path / "empty"
    empty.touch()
    os.truncate(empty, SIZE)
    image = made_by(b"vbox", empty, tmp_path / "image", "dynamic")
    with pytest.raises(TooLarge, match=f"more than {SIZE - 1} bytes of holes"):
        by_us(image, "vhd", limits=ConvertLimits(max_sparse_bytes=SIZE - 1))


@pytest.mark.parametrize("kind", KINDS)
def test_a_resized_disk_has_its_present_size(kind: str, source: Path, tmp_path: Path) -> None:
    image = made_by(b"win ", source, tmp_path / "image", kind, original=(4 * MIB).to_bytes(8, "big"))
    assert inspect_file(image, "vhd", InspectRules()).virtual_size == SIZE
    assert by_us(image, "vhd") == source.read_bytes()
    with pytest.raises(TooLarge, match=str(SIZE)):
        by_us(image, "vhd", limits=ConvertLimits(max_virtual_size=SIZE - 1))


def test_a_fixed_disk_that_lacks_a_part_of_itself_is_refused(source: Path, tmp_path: Path) -> None:
    image = made_by(b"vbox", source, tmp_path / "image", "fixed", current=(SIZE + 512).to_bytes(8, "big"))
    with pytest.raises(UnsafeImage, match="ends before its disk does"):
        by_us(image, "vhd")
