"""Archives are told by their content."""

import os
import subprocess
from pathlib import Path

import pytest

from glimpse.transfer.archive.magic import HEAD, detect
from tests.unit.transfer.archive.pack import packed, run

FILES = {"disk.img": b"content" * 99}


@pytest.mark.parametrize("kind", ["tar", "zip", "7z", "lha"])
def test_what_the_tools_make_is_recognised(kind: str, tmp_path: Path) -> None:
    assert detect(packed(kind, tmp_path, FILES).read_bytes()[:HEAD]) == kind


@pytest.mark.parametrize("format", ["gnu", "oldgnu", "pax", "posix", "ustar"])
def test_every_tar_with_the_magic_is_recognised(format: str, tmp_path: Path) -> None:
    archive = packed("tar", tmp_path, FILES, f"--format={format}").read_bytes()
    assert detect(archive[:HEAD]) == "tar"


def test_an_empty_zip_is_one() -> None:
    assert detect(b"PK\5\6" + bytes(18)) == "zip"


@pytest.mark.parametrize("length", range(40))
def test_short_and_empty_streams_are_nothing_worse(length: int) -> None:
    assert detect(bytes(length)) is None
    assert detect(os.urandom(1) + b"\1" * length) is None


def test_disks_are_no_archives(tmp_path: Path) -> None:
    for format in ("qcow2", "vmdk", "vdi", "vpc", "vhdx", "raw"):
        image = tmp_path / format
        subprocess.run(["qemu-img", "create", "-q", "-f", format, image, "4M"], check=True)
        assert detect(image.read_bytes()[:HEAD]) is None, format


def test_a_disk_that_happens_to_have_the_tar_magic_is_none(tmp_path: Path) -> None:
    disk = bytearray(os.urandom(HEAD))
    disk[257:262] = b"ustar"
    for field in (b"0000000\0", b"\xff" * 8, b"        ", b"-000001\0", b"12_3456\0"):
        disk[148:156] = field
        assert detect(bytes(disk)) is None
    archive = bytearray(packed("tar", tmp_path, FILES).read_bytes()[:HEAD])
    archive[0] ^= 1
    assert detect(bytes(archive)) is None


def test_methods_of_lha_that_do_not_exist_are_not_lha() -> None:
    assert detect(b"..-lh5-" + bytes(20)) == "lha"
    assert detect(b"..-lx5-" + bytes(20)) is None
    assert detect(b"..-lh5-" + bytes(13) + b"\4") is None


def test_lha_made_here_is_what_lha_programs_read(tmp_path: Path) -> None:
    archive = packed("lha", tmp_path, FILES)
    assert b"disk.img" in run("lhasa", "t", archive)
    assert run("lhasa", "pq2", archive) == FILES["disk.img"]
