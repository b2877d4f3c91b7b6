"""Telling formats from first bytes: real images, made by the tools that make them."""

import gzip
import lzma
import subprocess
from pathlib import Path

import pytest

from glimpse.cli.guess import guess_format
from glimpse.errors import Invalid, NotFound


@pytest.mark.parametrize(
    ("made_as", "told"),
    [("qcow2", "qcow2"), ("vmdk", "vmdk"), ("vdi", "vdi"), ("vpc", "vhd"), ("vhdx", "vhdx")],
)
def test_disk_images_are_told_by_their_headers(tmp_path: Path, made_as: str, told: str) -> None:
    image = tmp_path / "image.raw"  # the name is not believed
    subprocess.run(["qemu-img", "create", "-q", "-f", made_as, image, "16M"], check=True)
    assert guess_format(str(image)) == told


def test_a_file_system_is_raw_also_inside_gzip(tmp_path: Path) -> None:
    image = tmp_path / "image"
    with image.open("wb") as file:
        file.truncate(8 << 20)
    subprocess.run(["/usr/sbin/mkfs.ext4", "-q", image], check=True)
    assert guess_format(str(image)) == "raw"
    image.write_bytes(gzip.compress(image.read_bytes()))
    assert guess_format(str(image)) == "raw"


def test_a_partitioned_disk_is_raw(tmp_path: Path) -> None:
    image = tmp_path / "image"
    entry = (
        bytes([0x80, 0, 2, 0, 0x83, 0, 3, 0]) + (2048).to_bytes(4, "little") + (8192).to_bytes(4, "little")
    )
    image.write_bytes(bytes(446) + entry + bytes(48) + b"\x55\xaa" + bytes(1 << 20))
    assert guess_format(str(image)) == "raw"


def test_other_wrappings_are_named(tmp_path: Path) -> None:
    image = tmp_path / "image.xz"
    image.write_bytes(lzma.compress(bytes(1000)))
    with pytest.raises(Invalid, match="is packed with xz") as caught:
        guess_format(str(image))
    assert "--disk-format" in caught.value.hint


@pytest.mark.parametrize("content", [b"", b"hello\n", bytes(4 << 20), b"\x1f\x8b" + b"nonsense" * 10])
def test_what_cannot_be_told_is_not_guessed(tmp_path: Path, content: bytes) -> None:
    image = tmp_path / "image.qcow2"
    image.write_bytes(content)
    with pytest.raises(Invalid):
        guess_format(str(image))


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="No such file"):
        guess_format(str(tmp_path / "none"))
