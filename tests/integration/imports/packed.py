"""Disk images in every format that can be imported, packed in every way that can be unpacked, by the real tools."""

import hashlib
import os
import subprocess
from pathlib import Path

from tests.unit.transfer.archive.pack import lha

# No whole number of cylinders, clusters or grains.
SIZE = (6 << 20) + 3 * 512
# The bytes of the disk that hold data, in whole blocks of 64 KiB, the last of which is short.
DATA = (128 << 10) + (256 << 10) + 3 * 512

# disk_format: how qemu-img makes such an image
SOURCES = {
    "raw": ("raw",),
    "qcow2": ("qcow2", "-c"),
    "vmdk": ("vmdk", "-o", "subformat=streamOptimized"),
    "vdi": ("vdi",),
    "vhd": ("vpc", "-o", "subformat=dynamic,force_size=on"),
    "vhdx": ("vhdx",),
}
_STREAMS = {
    "gz": ["gzip", "-1"],
    "xz": ["xz", "-1", "-T2", "--block-size=1MiB"],
    "zst": ["zstd", "-1"],
    "bz2": ["bzip2", "-1"],
    "lz4": ["lz4", "-1"],
}
PACKINGS = ("none", *_STREAMS, "tar", "tar.gz", "tar.xz", "tar.zst", "ova", "zip", "7z", "lha")


def run(*command: str | Path, cwd: Path | None = None, stdin: bytes = b"") -> bytes:
    """What a program that must succeed writes."""
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, input=stdin, capture_output=True, check=True
    )
    return done.stdout


def make_raw(path: Path) -> Path:
    """A sparse disk with data at its beginning, in the middle and in its last sectors."""
    with path.open("wb") as file:
        file.truncate(SIZE)
        for offset, data in (
            (0, os.urandom(100_000)),
            (3 << 20, b"text" * 50_000),
            (6 << 20, os.urandom(3 * 512)),
        ):
            file.seek(offset)
            file.write(data)
    return path


def make_image(raw: Path, disk_format: str) -> Path:
    """``raw`` as an image of this format, beside it."""
    image = raw.with_name(f"disk.{disk_format}")
    kind, *options = SOURCES[disk_format]
    run("qemu-img", "convert", "-f", "raw", "-O", kind, *options, raw, image)
    return image


def pack(image: Path, packing: str) -> bytes:
    """The file ``image``, packed."""
    if packing == "none":
        return image.read_bytes()
    if packing in _STREAMS:
        return run(*_STREAMS[packing], "-c", stdin=image.read_bytes())
    if packing == "lha":
        return lha({image.name: image.read_bytes()})
    if packing in ("zip", "7z"):
        archive = image.with_name(f"{image.name}.{packing}")
        run(*(["zip", "-q"] if packing == "zip" else ["7zz", "a"]), archive, image.name, cwd=image.parent)
        return archive.read_bytes()
    names = [image.name]
    if packing == "ova":
        names = [*_company(image), image.name]
    tar = run("tar", "-c", "--format=ustar", *names, cwd=image.parent)
    _, _, outer = packing.partition(".")
    return run(*_STREAMS[outer], "-c", stdin=tar) if outer else tar


def _company(image: Path) -> list[str]:
    """The names of a descriptor and of a manifest, as an exported virtual machine has them."""
    descriptor, manifest = image.with_name(f"{image.name}.ovf"), image.with_name(f"{image.name}.mf")
    descriptor.write_text("<Envelope/>")
    manifest.write_text(
        "".join(
            f"SHA256({file.name})= {hashlib.sha256(file.read_bytes()).hexdigest()}\n"
            for file in (descriptor, image)
        )
    )
    return [descriptor.name, manifest.name]
