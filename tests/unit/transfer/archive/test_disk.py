"""The rule by which the disk is found. What an archive tells is given as it comes from the reader."""

import hashlib
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from glimpse.errors import Invalid
from glimpse.transfer.archive.disk import Disk, NotOneDisk
from glimpse.transfer.archive.member import Member
from glimpse.transfer.extent import Buffer
from tests.unit.transfer.archive.pack import MIB, noise

LARGE = noise(MIB)
OVF = b'<?xml version="1.0"?><Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1"></Envelope>'
README = b"Read me first.\n"
DESCRIPTOR = (
    b'# Disk DescriptorFile\nversion=1\ncreateType="twoGbMaxExtentSparse"\nRW 1 SPARSE "disk-s001.vmdk"\n'
)


class Telling:
    """Tells of members as the reader does, and knows whether it was closed."""

    def __init__(self, *members: tuple[str, bytes | None], step: int = MIB) -> None:
        self.closed = False
        self._items = self._tell(members, step)

    def _tell(self, members: tuple[tuple[str, bytes | None], ...], step: int) -> Iterator[Member | Buffer]:
        for name, content in members:
            yield Member(name, content is not None)
            for start in range(0, len(content or b""), step):
                assert content is not None
                yield content[start : start + step]

    def __iter__(self) -> Iterator[Member | Buffer]:
        return self

    def __next__(self) -> Member | Buffer:
        return next(self._items)

    def close(self) -> None:
        self.closed = True


def found(*members: tuple[str, bytes | None], step: int = MIB) -> tuple[str, bytes]:
    """The name and content of the disk among ``members``."""
    telling = Telling(*members, step=step)
    try:
        disk = Disk("tar", telling)
        return disk.name, b"".join(disk.chunks())
    finally:
        assert telling.closed


def image(directory: Path, format: str) -> bytes:
    path = directory / f"small.{format}"
    subprocess.run(["qemu-img", "create", "-q", "-f", format, path, "10M"], check=True)
    return path.read_bytes()


@pytest.mark.parametrize("step", [4096, 100_000, MIB])
@pytest.mark.parametrize("size", [0, 1, MIB - 1, MIB, MIB + 1, 3 * MIB + 5])
def test_the_only_file_is_the_disk_whatever_it_is(size: int, step: int) -> None:
    assert found(("anything", noise(size)), step=step) == ("anything", noise(size))
    assert found(("directory/", None), ("x", noise(size)), ("link", None), step=step) == ("x", noise(size))


@pytest.mark.parametrize("step", [4096, MIB])
def test_the_large_one_is_the_disk(step: int) -> None:
    disk = noise(2 * MIB + 9)
    company = [("README", README), ("key.sig", noise(700)), ("almost", noise(MIB - 1)), ("empty", b"")]
    assert found(*company, ("disk", disk), step=step) == ("disk", disk)
    assert found(("disk", disk), *company, step=step) == ("disk", disk)
    assert found(*company[:2], ("disk", disk), *company[2:], step=step) == ("disk", disk)


@pytest.mark.parametrize("format", ["qcow2", "vdi", "vmdk", "vpc"])
def test_the_one_with_the_marks_of_a_disk_is_the_disk(format: str, tmp_path: Path) -> None:
    disk = image(tmp_path, format)
    assert len(disk) < MIB
    assert found(("README", README), ("misleading.txt", disk)) == ("misleading.txt", disk)
    assert found(("disk", disk), ("disk.img", noise(9000))) == ("disk", disk)


def test_a_small_disk_with_a_partition_table_is_one() -> None:
    partition = struct.pack("<B3sB3sLL", 0x80, b"", 0x83, b"", 1, 1000)
    disk = bytes(446) + partition + bytes(48) + b"\x55\xaa" + bytes(511 * 1024)
    assert found(("README", README), ("disk", disk)) == ("disk", disk)


@pytest.mark.parametrize("first", [LARGE, None], ids=["large", "recognised"])
@pytest.mark.parametrize("second", [LARGE, None], ids=["large", "recognised"])
def test_two_disks_are_an_error(first: bytes | None, second: bytes | None, tmp_path: Path) -> None:
    small = image(tmp_path, "qcow2")
    with pytest.raises(NotOneDisk) as caught:
        found(("README", README), ("a", first or small), ("b", second or small), ("c", README))
    assert caught.value.message == (
        "The tar archive holds more than one disk: 'a' and 'b'; seen so far: 'README', 'a', 'b'."
    )


def test_the_first_disk_flows_before_a_second_one_is_seen() -> None:
    disk = Disk("tar", Telling(("a", LARGE * 2), ("b", LARGE)))
    chunks = disk.chunks()
    assert next(chunks) == LARGE
    assert next(chunks) == LARGE
    with pytest.raises(NotOneDisk):
        next(chunks)


def test_no_disk_is_an_error_that_lists_the_members() -> None:
    with pytest.raises(NotOneDisk) as caught:
        found(*((f"file{number}", README) for number in range(25)))
    assert caught.value.message.startswith("The tar archive holds no disk: ")
    assert caught.value.message.endswith("'file19' and 5 more.")
    with pytest.raises(NotOneDisk, match=r"holds no disk.* seen so far: 'link'\."):
        found(("link", None))
    with pytest.raises(NotOneDisk, match=r"holds no disk.* seen so far: nothing\."):
        found()


def test_too_many_members_are_an_error() -> None:
    with pytest.raises(NotOneDisk, match="holds more than 1000 members"):
        found(*((f"file{number}", b"") for number in range(2000)), ("disk", LARGE))


@pytest.mark.parametrize("first", [True, False])
def test_a_vmdk_in_several_files_is_told(first: bool) -> None:
    members = [("disk.vmdk", DESCRIPTOR), ("disk-s001.vmdk", LARGE)]
    with pytest.raises(NotOneDisk, match=r"'disk\.vmdk' in the tar archive describes a VMDK disk") as caught:
        found(*(members if first else reversed(members)))
    assert "qemu-img convert" in caught.value.hint


def test_an_encrypted_member_is_an_error() -> None:
    def telling() -> Iterator[Member | Buffer]:
        yield Member("disk\x1b", True, encrypted=True)

    with pytest.raises(Invalid, match=r"^The zip archive is encrypted: 'disk\?' cannot be read\.$"):
        Disk("zip", telling())


@pytest.mark.parametrize("algorithm", ["SHA1", "SHA256", "SHA512"])
@pytest.mark.parametrize("order", ["before", "behind", "no descriptor"])
@pytest.mark.parametrize("right", [True, False])
def test_the_disk_must_be_what_the_manifest_says(algorithm: str, order: str, right: bool) -> None:
    digest = hashlib.new(algorithm, LARGE if right else LARGE[1:]).hexdigest()
    manifest = ("x.mf", f"{algorithm}(x.ovf)= 00\n{algorithm}(disk.vmdk)= {digest}\n".encode())
    ovf, disk = ("x.ovf", OVF), ("./disk.vmdk", LARGE)
    members = {"before": [ovf, manifest, disk], "behind": [ovf, disk, manifest]}.get(order, [manifest, disk])
    if right:
        assert found(*members) == disk
        return
    with pytest.raises(Invalid, match=rf"^The disk '\./disk\.vmdk' is damaged: its {algorithm.lower()} is"):
        found(*members)


def test_closing_early_closes_what_tells() -> None:
    telling = Telling(("disk", LARGE * 3))
    chunks = Disk("tar", telling).chunks()
    next(chunks)
    chunks.close()  # type: ignore[attr-defined]
    assert telling.closed
