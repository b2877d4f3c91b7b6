"""Looks at a disk image's map, before it is converted: whether all of it is there, and how much of it are holes."""

import json
import struct
import sys
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from glimpse.errors import Invalid
from glimpse.transfer.confine import ChildLimits, Confinement
from glimpse.transfer.disk.drivers import opened
from glimpse.transfer.disk.failures import UnreadableImage
from glimpse.transfer.disk.qemu_img import run_qemu_img
from glimpse.transfer.protocols import Stop

# Formats of which qemu reads what lies beyond the end of the file as zeros, and says nothing: a download that was cut off
# would become an image with holes in it. Of vhd and vhdx it notices.
SHORT_UNNOTICED = frozenset({"qcow2", "vmdk", "vdi"})
# As many as 2 TiB in clusters of 64 KiB, none beside the one before it. A file of 32 MiB can claim to be in eight times
# as many; a million take 4 s.
_MOST_PIECES = 32 << 20
# qemu writes the last cluster of a file only as far as it has data. Of a vmdk it is this large; a qcow2's header says how
# large its own are; a vdi's blocks are always written whole, so that not a byte may be missing.
_CLUSTER = 64 << 10
_WHOLE = 1
# Of how many pieces the places are kept: 6 MiB of memory, and 16 GiB of disk where no two clusters lie together.
_MOST_PLACES = 256 << 10
# No disk and no file is larger: what pread takes is below.
_FAR = 1 << 62
# A qcow2's table of tables has at most 32 MiB; these bits of an entry say where a table is.
_LARGEST_LEVEL1 = 4 << 20
_HEADER = struct.Struct(">20xI12xIQ")
_OFFSET = 0x00FF_FFFF_FFFF_FE00


@dataclass(slots=True)
class Survey:
    """``holes``: bytes of the disk that are known to be zero. ``end``: where in the file the last of its data ends.

    ``size``: bytes of the disk. ``places``: three numbers for each piece of data: where it begins on the disk, its
    length, where it begins in the file; None where some of it is packed or there are too many pieces.
    """

    holes: int = 0
    end: int = 0
    size: int = 0
    places: "array[int] | None" = field(default_factory=lambda: array("Q"))


def survey(
    path: Path,
    source_format: str,
    qemu_name: str,
    *,
    limits: ChildLimits,
    stall: float,
    confinement: Confinement,
    stop: Stop,
) -> Survey:
    """The map of an image file that was found to be safe. It takes 30 ms, and 4 µs for each piece that the disk is in.

    Raises UnreadableImage for a file that is shorter than its map, Invalid for one in too many pieces, and what
    :func:`run_qemu_img` does.
    """
    reader = _MapReader(source_format)
    run_qemu_img(
        ["map", "--output=json", *opened(path, qemu_name)],
        reader.hear,
        source_format=source_format,
        limits=limits,
        stall=stall,
        confinement=confinement,
        stop=stop,
    )
    if source_format in SHORT_UNNOTICED:
        _check_end(path, source_format, reader.found.end)
    return reader.found


def _check_end(path: Path, source_format: str, end: int) -> None:
    """Raise UnreadableImage where the file ends before ``end``, or before the last of a qcow2's tables."""
    length = path.stat().st_size
    cluster = _WHOLE if source_format == "vdi" else _CLUSTER
    if source_format == "qcow2":
        with path.open("rb") as file:
            tables, cluster = _qcow2_tables(file, length)
        end = max(end, tables)
    if end - length >= cluster:
        raise UnreadableImage(
            f"the {source_format} image is not complete: it has {length} bytes and refers to {end}",
            hint="fetch or upload it again",
        )


def _qcow2_tables(file: BinaryIO, length: int) -> tuple[int, int]:
    """Where the last of a qcow2's tables ends, and how large its clusters are."""
    header = file.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return 0, _CLUSTER
    bits, entries, place = _HEADER.unpack(header)
    cluster = 1 << min(bits, 21)
    size = 8 * min(entries, _LARGEST_LEVEL1)
    if place + size > length:
        return place + size + cluster, cluster
    file.seek(place)
    level1 = array("Q", file.read(size))
    if sys.byteorder == "little":
        level1.byteswap()
    return max((entry & _OFFSET for entry in level1), default=0) + cluster, cluster


class _MapReader:
    """Takes in what ``qemu-img map`` says: an array with one piece on each line."""

    def __init__(self, source_format: str) -> None:
        self.found = Survey()
        self._format = source_format
        self._rest = b""
        self._pieces = 0

    def hear(self, data: bytes) -> None:
        """The next bytes of it."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._pieces += len(lines)
        if self._pieces > _MOST_PIECES or len(self._rest) > 4096:
            raise Invalid(
                f"the {self._format} image is in more than {_MOST_PIECES} pieces",
                hint="write it anew (qemu-img convert)",
            )
        for line in lines:
            self._take(line.strip(b"[], "))

    def _take(self, line: bytes) -> None:
        if not line:
            return
        try:
            piece: Mapping[str, int] = json.loads(line)
            # The child may have been taken over by what it reads: nothing it says is believed.
            if piece["start"] != self.found.size or not 0 <= piece["length"] <= _FAR:
                raise ValueError("pieces are not one after another")
            if not 0 <= piece.get("offset", 0) <= _FAR:
                raise ValueError("a place lies outside of any file")
            self.found.size += piece["length"]
            if piece["zero"]:
                self.found.holes += piece["length"]
            else:
                self._place(piece)
            # What lies beyond the end of the file is zero in the map too, but still has its place.
            if piece["data"] and "offset" in piece:
                self.found.end = max(self.found.end, piece["offset"] + piece["length"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise UnreadableImage(f"the map of the {self._format} image makes no sense") from error

    def _place(self, piece: Mapping[str, int]) -> None:
        places = self.found.places
        if places is None:
            return
        if (
            piece["depth"] != 0
            or not piece["data"]
            or "offset" not in piece
            or len(places) >= 3 * _MOST_PLACES
        ):
            self.found.places = None
        else:
            places.extend((piece["start"], piece["length"], piece["offset"]))
