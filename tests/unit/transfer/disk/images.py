"""Makes disk images with qemu's own tools, and reads them back through ours."""

import json
import random
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from glimpse.transfer.confine import Confinement
from glimpse.transfer.disk.convert import ConvertLimits, convert_to_raw
from glimpse.transfer.extent import Extent
from glimpse.transfer.protocols import Stop
from glimpse.transfer.stop import NEVER

MIB = 1 << 20

# name: our format, qemu's format, options of qemu-img convert
VARIANTS = {
    "qcow2": ("qcow2", "qcow2", ()),
    "qcow2-v2": ("qcow2", "qcow2", ("-o", "compat=0.10")),
    "qcow2-512-byte-clusters": ("qcow2", "qcow2", ("-o", "cluster_size=512")),
    "qcow2-4k-clusters": ("qcow2", "qcow2", ("-o", "cluster_size=4096")),
    "qcow2-2m-clusters": ("qcow2", "qcow2", ("-o", "cluster_size=2M")),
    "qcow2-zlib": ("qcow2", "qcow2", ("-c",)),
    "qcow2-zstd": ("qcow2", "qcow2", ("-c", "-o", "compression_type=zstd")),
    "qcow2-preallocated": ("qcow2", "qcow2", ("-o", "preallocation=full")),
    "vmdk-streamOptimized": ("vmdk", "vmdk", ("-o", "subformat=streamOptimized")),
    "vmdk-monolithicSparse": ("vmdk", "vmdk", ("-o", "subformat=monolithicSparse")),
    "vhd-dynamic": ("vhd", "vpc", ("-o", "subformat=dynamic")),
    "vhd-fixed": ("vhd", "vpc", ("-o", "subformat=fixed,force_size=on")),
    "vpc-by-qemus-name": ("vpc", "vpc", ()),
    "vhdx-dynamic": ("vhdx", "vhdx", ()),
    "vhdx-fixed": ("vhdx", "vhdx", ("-o", "subformat=fixed")),
    "vdi": ("vdi", "vdi", ()),
    "vdi-static": ("vdi", "vdi", ("-o", "static=on")),
}


def qemu_img(*arguments: str | Path) -> bytes:
    """Run qemu-img, which must succeed; what it says."""
    done = subprocess.run(["qemu-img", *map(str, arguments)], check=True, capture_output=True, timeout=60)
    return done.stdout


def described(image: Path, qemu_format: str) -> dict[str, Any]:
    """What qemu-img knows of an image."""
    found: dict[str, Any] = json.loads(qemu_img("info", "-f", qemu_format, "--output=json", image))
    return found


def same_disk(one: Path, one_format: str, two: Path, two_format: str) -> bool:
    """Whether qemu-img finds the same bytes in both images, and both of one size."""
    command = ["qemu-img", "compare", "-f", one_format, "-F", two_format, str(one), str(two)]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    sizes = {described(one, one_format)["virtual-size"], described(two, two_format)["virtual-size"]}
    return done.returncode == 0 and len(sizes) == 1


def qemu_io(image: Path, *commands: str, format: str = "qcow2") -> None:
    """Write into an image as a guest would."""
    options = [part for command in commands for part in ("-c", command)]
    arguments = ["qemu-io", "-f", format, *options, str(image)]
    subprocess.run(arguments, check=True, capture_output=True, timeout=60)


def scattered(path: Path, size: int, *, seed: int = 1, pieces: int = 40) -> Path:
    """A sparse raw disk with data of many lengths at odd places, and zeros inside of data."""
    chance = random.Random(seed)
    with path.open("wb") as file:
        file.truncate(size)
        for _ in range(pieces if size else 0):
            length = min(chance.choice([1, 511, 4096, 65536, 70000, 300_000, 1_200_000]), size)
            file.seek(chance.randint(0, size - length))
            file.write(chance.choice([chance.randbytes(length), bytes(length), b"text" * (length // 4)]))
    return path


def converted(source: Path, target: Path, format: str, *options: str) -> Path:
    """``source`` (raw) written as an image of ``format``."""
    qemu_img("convert", "-f", "raw", "-O", format, *options, source, target)
    return target


def by_qemu(image: Path, qemu_format: str) -> bytes:
    """The disk inside of an image as ``qemu-img convert`` gives it."""
    target = image.with_name(image.name + ".by-qemu")
    qemu_img("convert", "-f", qemu_format, "-O", "raw", image, target)
    return target.read_bytes()


def gathered(extents: Iterable[Extent]) -> bytes:
    """The bytes of extents, which must be ascending and without gaps."""
    content = bytearray()
    for extent in extents:
        assert extent.offset == len(content)
        assert extent.length > 0
        assert extent.data is None or len(extent.data) == extent.length
        content += bytes(extent.length) if extent.data is None else extent.data
    return bytes(content)


def by_us(
    image: Path,
    source_format: str,
    *,
    limits: ConvertLimits | None = None,
    stop: Stop = NEVER,
    confinement: Confinement | None = None,
) -> bytes:
    """The disk inside of an image as we give it."""
    limits = limits if limits is not None else ConvertLimits()
    with convert_to_raw(image, source_format, limits=limits, stop=stop, confinement=confinement) as view:
        content = gathered(view.extents())
        assert len(content) == view.virtual_size
    return content


def data_bytes(extents: Sequence[Extent]) -> int:
    """How many bytes of extents were read."""
    return sum(extent.length for extent in extents if extent.data is not None)
