"""No image is taken for something packed, and everything packed is found."""

import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from glimpse.errors import NotFound
from glimpse.transfer.decompress import HEAD, decompressor, detect
from tests.unit.transfer.disk.images import qemu_img

MIB = 1 << 20


def run(*command: str | Path, data: bytes = b"") -> bytes:
    return subprocess.run([*map(str, command)], input=data, capture_output=True, check=True).stdout


def head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD)


def raw(path: Path, size: int = 8 * MIB) -> Path:
    with path.open("wb") as file:
        file.truncate(size)
    return path


def mbr(path: Path) -> Path:
    """A boot sector as a boot loader leaves it: code, one partition, and its mark."""
    raw(path)
    with path.open("r+b") as file:
        file.write(b"\xeb\x63\x90\x10\x8e\xd0\xbc\x00\xb0\xb8\x00\x00\x8e\xd8\x8e\xc0")
        file.seek(446)
        file.write(
            b"\x80\x20\x21\x00\x83\xdd\x1e\x3f\x00\x08\x00\x00\x00\x38\x00\x00" + bytes(48) + b"\x55\xaa"
        )
    return path


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("qcow2", []),
        ("qcow2", ["-o", "compression_type=zstd"]),
        ("qed", []),
        ("vmdk", []),
        ("vmdk", ["-o", "subformat=monolithicFlat"]),
        ("vmdk", ["-o", "subformat=streamOptimized"]),
        ("vdi", []),
        ("vpc", []),
        ("vpc", ["-o", "subformat=fixed"]),
        ("vhdx", []),
        ("parallels", []),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value)[-20:] or "plain",
)
def test_no_disk_image_is_taken_for_packed(format: str, options: list[str], tmp_path: Path) -> None:
    image = tmp_path / "image"
    qemu_img("create", "-f", format, *options, image, "8M")
    assert detect(head(image)) is None


@pytest.mark.parametrize(
    "command",
    [["mkfs.ext4", "-q"], ["mkfs.ext2", "-q"], ["mkswap"], ["true"]],
    ids=["ext4", "ext2", "swap", "empty"],
)
def test_no_raw_disk_is_taken_for_packed(command: list[str], tmp_path: Path) -> None:
    disk = raw(tmp_path / "disk")
    run(*command, disk)
    assert detect(head(disk)) is None


def test_no_partitioned_disk_is_taken_for_packed(tmp_path: Path) -> None:
    assert detect(head(mbr(tmp_path / "disk"))) is None


def test_no_program_is_taken_for_packed() -> None:
    for program in ("python3", "gzip", "qemu-img", "bash"):
        found = shutil.which(program)
        assert found is not None
        assert detect(head(Path(found))) is None


def test_no_noise_is_taken_for_packed() -> None:
    chance = random.Random(1)
    assert not any(detect(chance.randbytes(HEAD)) for _ in range(20_000))
    assert detect(os.urandom(HEAD)) is None


# Beginnings that share some bytes with a magic: what is checked beyond it decides.
@pytest.mark.parametrize(
    "begin",
    [
        b"",
        b"\x1f",
        b"BZh9",
        b"BZhelp me, said the text",
        b"BZh91AY&SX",
        b"\xfd7zXz",
        b"\xfd7zXZ\0\1\4" + bytes(4),
        b"\xfd7zXZ\0\0\xff" + bytes(4),
        b"\x28\xb5\x2f",
        b"\x28\xb5\x2f\xfd\x08",
        b"\x04\x22\x4d\x18\x00\x70",
        b"\x04\x22\x4d\x18\x66\x70",
        b"\x04\x22\x4d\x18\x64\x30",
        b"\x04\x22\x4d\x18\x64\xf0",
        b"\x02\x21\x4c\x18",
        b"\x50\x2a\x4d\x18" + bytes(4),
        b"\x50\x2a\x4d\x18\xff\xff\xff\xff",
        b"\x1f\x8b\x07",
        b"\x1f\x9d\x90",
        b"PK\x03\x04",
        b"7z\xbc\xaf\x27\x1c",
    ],
    ids=lambda begin: begin[:9].hex(),
)
def test_what_only_looks_like_a_magic_is_none(begin: bytes) -> None:
    assert detect(begin.ljust(HEAD, b"\0")) is None
    assert detect(begin) is None


@pytest.mark.parametrize("tool", ["gzip", "xz", "zstd", "bzip2", "lz4"])
@pytest.mark.parametrize(
    "data", [b"", b"x", bytes(MIB), random.Random(2).randbytes(MIB)], ids=["", "x", "0", "?"]
)
@pytest.mark.parametrize("level", ["-1", "-9"])
def test_what_a_tool_has_packed_is_found(tool: str, data: bytes, level: str) -> None:
    assert detect(run(tool, "-c", level, data=data)[:HEAD]) == tool


def test_an_unknown_name_is_not_found() -> None:
    with pytest.raises(NotFound, match="'rar'"):
        decompressor("rar")
