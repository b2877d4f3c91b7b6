"""Gives the raw content of a disk image as extents, without writing it to a file first.

Where the data lies in the file as it is, it is read there, at the places that a confined qemu-img names. What is packed
is read by a confined qemu-nbd; we ask it which ranges are empty and read only the others.
"""

import subprocess
from array import array
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from glimpse.errors import Invalid, TooLarge, UnsafeImage
from glimpse.transfer import confine
from glimpse.transfer.child import Child
from glimpse.transfer.disk.drivers import QEMU_NAMES
from glimpse.transfer.disk.failures import UnreadableImage, ended
from glimpse.transfer.disk.inspect import InspectRules, inspect_file
from glimpse.transfer.disk.nbd.client import NbdClient, Run
from glimpse.transfer.disk.nbd.protocol import NbdDisconnected, NbdError
from glimpse.transfer.disk.plain import PlainFile
from glimpse.transfer.disk.qemu_nbd import serve
from glimpse.transfer.disk.survey import SHORT_UNNOTICED, survey
from glimpse.transfer.extent import Buffer, Extent
from glimpse.transfer.protocols import Stop

# With 16 reads under way, 512 KiB are as fast as 1 or 2 MiB for plain clusters and faster for compressed ones, which
# then keep both cores busy. 16 reads are what qemu serves at once; 8 MiB are held.
_PIECE = 512 << 10
_DEPTH = 16
# Data is read in whole blocks of this size, so that small scattered clusters (4 KiB) do not cost a request each. It is
# also the block in which zeros are looked for later: no hole that could be kept is lost.
_BLOCK = 64 << 10


@dataclass(frozen=True, slots=True)
class ConvertLimits:
    """What one conversion may use.

    ``cpu_seconds`` of the child, and as many more for each GiB of the disk: unpacking a GiB takes 4 s, packing one into
    a streamOptimized vmdk 10 s. ``address_space`` (bytes): 4 GiB are thrice what qemu-nbd was seen to reserve for
    compressed clusters. ``max_virtual_size``: bytes of the disk. ``max_sparse_bytes``: bytes of its holes.
    ``stall_seconds``: the longest that the child may be silent.
    """

    cpu_seconds: int = 600
    cpu_seconds_per_gib: int = 60
    address_space: int = 4 << 30
    max_virtual_size: int = 1 << 50
    max_sparse_bytes: int = 256 << 30
    stall_seconds: float = 60.0

    def of_child(self, virtual_size: int, *, file_size: int = 1 << 20) -> confine.ChildLimits:
        """The limits of a child that works on a disk of ``virtual_size`` bytes and may write ``file_size``."""
        return confine.ChildLimits(
            cpu_seconds=self.cpu_seconds + self.cpu_seconds_per_gib * (virtual_size >> 30),
            address_space=self.address_space,
            file_size=file_size,
        )


@dataclass(frozen=True, slots=True)
class Source:
    """A disk image that may be converted: bytes of its disk, and how many of them, at most, are not in holes.

    ``places`` are those of :class:`Survey`, where one was made.
    """

    size: int
    data: int
    places: "array[int] | None" = None


class _Reader(Protocol):
    """Reads a disk: a :class:`PlainFile`, or qemu's."""

    @property
    def size(self) -> int:
        """Bytes of the disk."""

    def runs(self) -> Iterator[Run]:
        """What is data and what is zero, ascending; what is not named is zero."""

    def read(self, pieces: Iterator[tuple[int, int]]) -> Iterator[tuple[int, Buffer]]:
        """The bytes of each ``(offset, length)``, in their order."""


class _OverNbd:
    """A disk that qemu-nbd reads."""

    def __init__(self, client: NbdClient, child: Child, source_format: str) -> None:
        self._client = client
        self._child = child
        self._format = source_format

    @property
    def size(self) -> int:
        return self._client.size

    def runs(self) -> Iterator[Run]:
        return self._client.runs(0, self.size)

    def read(self, pieces: Iterator[tuple[int, int]]) -> Iterator[tuple[int, Buffer]]:
        with _explained(self._child, self._format):
            yield from self._client.read(pieces, depth=_DEPTH)


class RawView:
    """A disk image's content, readable while the ``with`` block of :func:`convert_to_raw` lasts."""

    def __init__(self, reader: _Reader, stop: Stop) -> None:
        self._reader = reader
        self._stop = stop

    @property
    def virtual_size(self) -> int:
        """Bytes of the disk."""
        return self._reader.size

    def extents(self) -> Iterator[Extent]:
        """The whole disk, ascending and without gaps: data in pieces of at most 512 KiB, each hole as one extent.

        Data is not searched for zeros. May be called once. Raises UnreadableImage, ReaderDied, and what ``stop`` does.
        """
        position = 0
        for offset, data in self._reader.read(self._pieces()):
            self._stop.check()
            if position < offset:
                yield Extent(position, offset - position, None)
            yield Extent(offset, len(data), data)
            position = offset + len(data)
        if position < self.virtual_size:
            yield Extent(position, self.virtual_size - position, None)

    def _pieces(self) -> Iterator[tuple[int, int]]:
        """What to read: ``(offset, length)``."""
        for start, end in self._data():
            while start < end:
                piece_end = min(end, (start // _PIECE + 1) * _PIECE)
                yield start, piece_end - start
                start = piece_end

    def _data(self) -> Iterator[tuple[int, int]]:
        """The ranges with data, ``(start, end)``, in whole blocks, neighbours joined."""
        size = self.virtual_size
        start = end = 0
        for run in self._reader.runs():
            self._stop.check()
            if run.zero:
                continue
            run_start = run.offset // _BLOCK * _BLOCK
            run_end = min(size, -(-(run.offset + run.length) // _BLOCK) * _BLOCK)
            if run_start > end:
                if start < end:
                    yield start, end
                start = run_start
            end = max(end, run_end)
        if start < end:
            yield start, end


@contextmanager
def convert_to_raw(
    path: Path,
    source_format: str,
    *,
    limits: ConvertLimits,
    stop: Stop,
    rules: InspectRules | None = None,
    confinement: confine.Confinement | None = None,
) -> Iterator[RawView]:
    """The raw content of the image file ``path``, which must be of ``source_format`` and safe by ``rules``.

    The child dies with the thread that enters. Raises Invalid for a format that cannot be read, UnsafeImage, TooLarge
    (before anything is read), UnreadableImage, ReaderDied, ToolMissing, and what ``stop.check()`` raises.
    """
    where = confinement if confinement is not None else confine.default()
    wanted = rules if rules is not None else InspectRules()
    source = check_source(path, source_format, limits, wanted, stop=stop, confinement=where)
    if source.places is not None:
        with closing(PlainFile(path, source.size, source.places)) as file:
            yield RawView(file, stop)
        return
    name = QEMU_NAMES[source_format]
    with serve(path, name, limits=limits.of_child(source.size), confinement=where) as (sock, child):
        with _explained(child, source_format):
            client = NbdClient(sock, stop=stop, stall=limits.stall_seconds)
        view = RawView(_OverNbd(client, child, source_format), stop)
        _check_size(view.virtual_size, limits)
        yield view


def check_source(
    path: Path,
    source_format: str,
    limits: ConvertLimits,
    rules: InspectRules,
    *,
    stop: Stop,
    confinement: confine.Confinement,
    also: Sequence[str] = (),
) -> Source:
    """What is in ``path``. Raises Invalid, UnsafeImage, TooLarge, UnreadableImage, what ``stop`` does.

    The formats ``also`` can be converted as well. The content must be of the declared format, whatever ``rules`` say:
    what else it may be is not for qemu to find out.
    """
    possible = (*also, *QEMU_NAMES)
    if source_format not in possible:
        raise Invalid(f"{source_format} images cannot be converted", hint=f"possible: {', '.join(possible)}")
    declared = "vhd" if source_format == "vpc" else source_format
    finding = inspect_file(path, declared, replace(rules, require_format_match=True))
    finding.raise_if_refused()
    if finding.format != declared:
        raise UnsafeImage(
            f"declared {declared} but the data is {finding.format}", hint=f"declare it {finding.format}"
        )
    size = finding.virtual_size or 0
    _check_size(size, limits)
    # Only a disk larger than that can have holes larger than that.
    if declared in SHORT_UNNOTICED or size > limits.max_sparse_bytes:
        found = survey(
            path,
            source_format,
            QEMU_NAMES.get(source_format, source_format),
            limits=limits.of_child(size),
            stall=limits.stall_seconds,
            confinement=confinement,
            stop=stop,
        )
        _check_size(found.size, limits)
        data = found.size - found.holes
        if declared not in SHORT_UNNOTICED:
            # Nothing is packed in these, and of a vhdx the map says that all is data.
            data = min(data, path.stat().st_blocks * 512)
        if found.size - data > limits.max_sparse_bytes:
            raise TooLarge(
                f"the disk of {size} bytes has more than {limits.max_sparse_bytes} bytes of holes",
                hint="[image_conversion] max_sparse_bytes is the limit",
            )
        return Source(found.size, data, found.places)
    return Source(size, min(size, path.stat().st_blocks * 512))


def _check_size(size: int, limits: ConvertLimits) -> None:
    if size > limits.max_virtual_size:
        raise TooLarge(f"the disk inside is {size} bytes large; {limits.max_virtual_size} are allowed")


@contextmanager
def _explained(child: Child, source_format: str) -> Iterator[None]:
    """Turn what the client met into what a user wants to know."""
    try:
        yield
    except NbdDisconnected as error:
        try:
            status = child.wait(1.0)
        except subprocess.TimeoutExpired:
            raise UnreadableImage(f"cannot read the {source_format} image: {error}") from error
        raise ended(source_format, status, child.errors(), otherwise=error.message) from error
    except NbdError as error:
        raise UnreadableImage(f"cannot read the {source_format} image: {error.message}") from error
