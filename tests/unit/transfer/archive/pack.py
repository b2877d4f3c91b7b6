"""Archives made by the real tools, and the one kind that nothing in Debian can make."""

import io
import struct
import subprocess
import tarfile
from pathlib import Path

MIB = 1 << 20
# What no disk format begins with, and packs neither well nor badly.
NOISE = bytes(index * index % 251 for index in range(64 << 10))


def noise(size: int) -> bytes:
    """So many bytes that are no disk of a known format."""
    return (NOISE * (size // len(NOISE) + 1))[:size]


def run(*command: str | Path, cwd: Path | None = None, stdin: bytes = b"") -> bytes:
    """The output of a program that must succeed."""
    return subprocess.run(
        [str(word) for word in command], cwd=cwd, input=stdin, capture_output=True, check=True
    ).stdout


def place(directory: Path, files: dict[str, bytes]) -> Path:
    """A directory with these files, in which a tool packs them."""
    root = directory / "content"
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def packed(kind: str, directory: Path, files: dict[str, bytes], *options: str) -> Path:
    """An archive of these files, in this order: ``tar``, ``zip``, ``7z`` or ``lha``."""
    archive = directory / f"archive.{kind}"
    archive.unlink(missing_ok=True)
    if kind == "lha":
        archive.write_bytes(lha(files))
        return archive
    root = place(directory, files)
    # 7z packs small files together and in an order of its own, unless it is told otherwise.
    tool = {"tar": ["tar", "-c"], "zip": ["zip", "-q"], "7z": ["7zz", "a", "-mqs=off"]}[kind]
    run(*tool, *options, *(["-f"] if kind == "tar" else []), archive, *files, cwd=root)
    return archive


def tar_of(members: list[tuple[tarfile.TarInfo, bytes]], format: int = tarfile.GNU_FORMAT) -> bytes:
    """A tar of any headers whatever."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=format) as tar:
        for info, content in members:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return target.getvalue()


def lha(files: dict[str, bytes]) -> bytes:
    """An lha archive of stored members with headers of level 0. (Nothing in Debian but a Java program writes them.)"""
    archive = b""
    for name, content in files.items():
        words = name.encode()
        fields = struct.pack("<5sLLLBBB", b"-lh0-", len(content), len(content), 0, 0x20, 0, len(words))
        body = fields + words + struct.pack("<H", crc16(content))
        archive += bytes([len(body), sum(body) & 0xFF]) + body + content
    return archive + b"\0"


def _table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
        table.append(value)
    return table


_CRC16 = _table()


def crc16(data: bytes) -> int:
    """CRC-16/ARC, by the definition."""
    value = 0
    for byte in data:
        value = value >> 8 ^ _CRC16[(value ^ byte) & 0xFF]
    return value
