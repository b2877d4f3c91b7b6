"""Disks that are not what they seem: that have qemu read other files or ask other hosts, or that cannot be judged."""

import json
import re
import struct
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.integration.imports.packed import run

SIZE = 1 << 20
_SECTOR = 512


def _qcow2(image: Path, backing: str) -> None:
    run("qemu-img", "create", "-u", "-f", "qcow2", "-b", backing, "-F", "raw", image, str(SIZE))


def qcow2_backing(image: Path, secret: Path, _: str) -> None:
    _qcow2(image, str(secret))


def qcow2_backing_json(image: Path, secret: Path, _: str) -> None:
    _qcow2(image, "json:" + json.dumps({"driver": "file", "filename": str(secret)}))


def qcow2_backing_web(image: Path, _: Path, url: str) -> None:
    _qcow2(image, url)


def qcow2_data_file(image: Path, secret: Path, _: str) -> None:
    data = secret.read_bytes()
    run("qemu-img", "create", "-f", "qcow2", "-o", f"data_file={secret},data_file_raw=on", image, str(SIZE))
    secret.write_bytes(data)


def vmdk_flat(image: Path, secret: Path, _: str) -> None:
    run("qemu-img", "create", "-f", "vmdk", "-o", "subformat=monolithicFlat", image, str(SIZE))
    text = image.read_text(errors="surrogateescape")
    image.write_text(re.sub(r'FLAT "[^"]*"', f'FLAT "{secret}"', text), errors="surrogateescape")


def vmdk_flat_within(image: Path, secret: Path, _: str) -> None:
    """One file by its header, and another by the descriptor inside of it."""
    run("qemu-img", "create", "-f", "vmdk", "-o", "subformat=monolithicSparse", image, str(SIZE))
    data = bytearray(image.read_bytes())
    start = int.from_bytes(data[28:36], "little") * _SECTOR
    room = int.from_bytes(data[36:44], "little") * _SECTOR
    text = bytes(data[start : start + room]).rstrip(b"\0").decode()
    text = re.sub(r'RW (\d+) SPARSE "[^"]*"', rf'RW \1 FLAT "{secret}" 0', text)
    data[start : start + room] = text.encode().ljust(room, b"\0")
    image.write_bytes(data)


def vmdk_parts(image: Path, _: Path, __: str) -> None:
    run("qemu-img", "create", "-f", "vmdk", "-o", "subformat=twoGbMaxExtentSparse", image, str(SIZE))


def vmdk_parent(image: Path, secret: Path, _: str) -> None:
    base = secret.with_name("base.vmdk")
    run("qemu-img", "create", "-f", "vmdk", base, str(SIZE))
    run("qemu-img", "create", "-f", "vmdk", "-b", base, "-F", "vmdk", image)


def vhd_parent(image: Path, _: Path, __: str) -> None:
    run("qemu-img", "create", "-f", "vpc", "-o", "subformat=dynamic", image, str(SIZE))
    data = bytearray(image.read_bytes())
    for footer in (0, len(data) - _SECTOR):
        data[footer + 60 : footer + 64] = (4).to_bytes(4, "big")
    image.write_bytes(data)


def qed(image: Path, _: Path, __: str) -> None:
    run("qemu-img", "create", "-f", "qed", image, str(SIZE))


def vdi(image: Path, _: Path, __: str) -> None:
    run("qemu-img", "create", "-f", "vdi", image, str(SIZE))


def qcow2_unknown_features(image: Path, _: Path, __: str) -> None:
    _patched(image, 72, b"\x40")


def luks2(image: Path, _: Path, __: str) -> None:
    image.write_bytes((b"LUKS\xba\xbe" + (2).to_bytes(2, "big")).ljust(SIZE, b"\0"))


def mbr_boot_flag(image: Path, _: Path, __: str) -> None:
    image.write_bytes(_partitioned((0x83, 1), boot=0x13))


def gpt_beside_others(image: Path, _: Path, __: str) -> None:
    image.write_bytes(_partitioned((0xEE, 1), (0x83, 2048)))


def _partitioned(*entries: tuple[int, int], boot: int = 0) -> bytes:
    """A disk with an MBR of ``(type, first sector)``."""
    sector = bytearray(SIZE)
    for number, (kind, first) in enumerate(entries):
        entry = struct.pack("<B3BB3BII", boot, 0, 2, 0, kind, 0, 0, 0, first, 100)
        sector[446 + 16 * number : 462 + 16 * number] = entry
    sector[510:512] = b"\x55\xaa"
    return bytes(sector)


def qcow2_and_iso(image: Path, _: Path, __: str) -> None:
    """Both whole: a volume descriptor has room in a qcow2's first cluster."""
    _patched(image, 32768, b"\x01CD001")
    data = bytearray(image.read_bytes())
    data[32768 + 80 : 32768 + 84] = (20).to_bytes(4, "little")
    data[32768 + 128 : 32768 + 130] = (2048).to_bytes(2, "little")
    image.write_bytes(data)


Make = Callable[[Path, Path, str], None]
# What it is declared as, how it is made (from the image's path, that of a file it must not reach, and a URL), and
# words of the reason for which it is refused.
UNSAFE: Mapping[str, tuple[str, Make, str]] = {
    "qcow2 with a backing file": ("qcow2", qcow2_backing, "backing file"),
    "qcow2 with a backing file in json": ("qcow2", qcow2_backing_json, "backing file"),
    "qcow2 with a backing file on the web": ("qcow2", qcow2_backing_web, "backing file"),
    "qcow2 with a data file": ("qcow2", qcow2_data_file, "external file"),
    "vmdk that is flat": ("vmdk", vmdk_flat, "not allowed"),
    "vmdk that is flat within": ("vmdk", vmdk_flat_within, "names other files"),
    "vmdk in parts": ("vmdk", vmdk_parts, "not allowed"),
    "vmdk with a parent": ("vmdk", vmdk_parent, "parent disk"),
    "vhd with a parent": ("vhd", vhd_parent, "parent"),
    "qcow2 with unknown features": ("qcow2", qcow2_unknown_features, "features that cannot be checked"),
    "qcow2 that is an iso too": ("qcow2", qcow2_and_iso, "iso and qcow2 at once"),
    "qed called qcow2": ("qcow2", qed, "the data is qed"),
    "vdi called qcow2": ("qcow2", vdi, "the data is vdi"),
    "luks 2 called qcow2": ("qcow2", luks2, "the data is luks"),
    "mbr with a wrong boot flag": ("raw", mbr_boot_flag, "partition table is not sane"),
    "gpt beside other partitions": ("raw", gpt_beside_others, "partition table is not sane"),
}


def _patched(image: Path, position: int, value: bytes) -> None:
    run("qemu-img", "create", "-f", "qcow2", image, str(SIZE))
    data = bytearray(image.read_bytes())
    data[position : position + len(value)] = value
    image.write_bytes(data)


def exabyte(image: Path) -> None:
    run("qemu-img", "create", "-f", "qcow2", "-o", "cluster_size=2M", image, "1E")


def holes(image: Path) -> None:
    run("qemu-img", "create", "-f", "qcow2", image, "900G")


def first_table_beyond_memory(image: Path) -> None:
    _patched(image, 36, (0x0FFF_FFFF).to_bytes(4, "big"))


def first_table_beyond_the_end(image: Path) -> None:
    _patched(image, 40, (1 << 50).to_bytes(8, "big"))


def snapshots(image: Path) -> None:
    _patched(image, 60, (0xFFFF_FFFF).to_bytes(4, "big") + (1 << 16).to_bytes(8, "big"))


# How it is made, and words of the reason for which it is given up.
EXHAUSTING: Mapping[str, tuple[Callable[[Path], None], str]] = {
    "an exabyte": (exabyte, "the disk inside is 1152921504606846976 bytes large"),
    "900 GiB of holes": (holes, "more than 274877906944 bytes of holes"),
    "a first table beyond memory": (first_table_beyond_memory, "table too large"),
    "a first table beyond the end": (first_table_beyond_the_end, "the qcow2 image is not complete"),
    "billions of snapshots": (snapshots, "Snapshot table too large"),
}
