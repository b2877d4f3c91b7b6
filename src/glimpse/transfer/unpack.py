"""Unpacks what is packed, layer by layer, until the disk image inside flows.

A layer is a compressed stream (gzip, xz, …) or an archive with one disk in it (tar, zip, …). Each is found by the
first bytes of what the layer around it gives, never by a name. Nothing is written anywhere, but a zip or 7z that comes
as a stream: what such an archive holds is told at its end, so it is spooled into a file that has no name any more when
it is read.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from glimpse.errors import Invalid
from glimpse.transfer import confine
from glimpse.transfer.archive import magic
from glimpse.transfer.archive.disk import Disk
from glimpse.transfer.archive.reader import read
from glimpse.transfer.archive.seven_zip import check_7z
from glimpse.transfer.archive.zip import check_zip
from glimpse.transfer.decompress import HEAD, UNLIMITED, Limits, decompressor, detect
from glimpse.transfer.extent import Buffer
from glimpse.transfer.protocols import Stop
from glimpse.transfer.spool import spool
from glimpse.transfer.stop import NEVER
from glimpse.transfer.streams import close, peek, regroup

# A disk in gzip in an OVA in a zip is what people make by accident; more is made on purpose.
MOST_LAYERS = 3

# libarchive gives 7z and lha in pieces of 64 KiB, and every element behind pays for each piece. What comes through a pipe
# is cut by chance, often at half a MiB: not worth a copy.
PIECE = 256 << 10

_CHECKS: dict[str, Callable[[int], None]] = {"zip": check_zip, "7z": check_7z}


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What is inside. ``layers``: what was taken off, the outermost first, for example ``("gzip", "tar")``.

    ``member``: what the disk is called in the innermost archive. ``chunks``: its bytes, in pieces of at most 4 MiB;
    they must be exhausted or closed, which ends every child and thread and closes the source.
    """

    layers: tuple[str, ...]
    member: str | None
    chunks: Iterator[Buffer]


def unpack(
    chunks: Iterable[Buffer],
    *,
    spool_path: Callable[[], Path],
    limits: Limits = UNLIMITED,
    file: Path | None = None,
    stop: Stop = NEVER,
    confinement: confine.Confinement | None = None,
) -> Unpacked:
    """Take off at most three layers; no layers at all for a stream that is not packed.

    Blocks until the first bytes of the disk are there; a zip or 7z is spooled to ``spool_path()`` before that.
    ``file``: where the bytes of ``chunks`` are on this host, if they are: an archive is then read there and ``chunks``
    is closed unread. ``limits`` hold for each layer, the ratio for all together.

    Raises, here or from the chunks: Invalid for what is damaged, encrypted, packed more than three times or does not
    hold exactly one disk; TooLarge beyond ``limits``; NoSpace; ReaderKilled; what ``chunks`` raises and ``stop`` does.
    The source is closed then, too.
    """
    layers: list[str] = []
    member: str | None = None
    stream: Iterator[Buffer] = iter(chunks)
    try:
        while True:
            head, stream = peek(stream, max(HEAD, magic.HEAD))
            name = detect(head)
            archive = magic.detect(head) if name is None else None
            kind = name or archive
            if kind is None:
                return Unpacked(tuple(layers), member, stream)
            if len(layers) == MOST_LAYERS:
                raise Invalid(
                    f"The image is packed more than {MOST_LAYERS} times: {', '.join([*layers, kind])}.",
                    hint="Unpack it first.",
                )
            if name is not None:
                stream = decompressor(name).decompress(stream, limits=limits)
            elif archive is not None:
                layer = _Archive(archive, limits, stop, confinement)
                packed, stream = stream, iter(())  # it is the layer's, which reads it in another thread
                member, stream = layer.open(packed, file if not layers else None, spool_path)
            layers.append(kind)
            limits = limits.inner()
    except BaseException:
        close(stream)
        raise


class _Archive:
    """One archive among the layers."""

    def __init__(
        self, format: str, limits: Limits, stop: Stop, confinement: confine.Confinement | None
    ) -> None:
        self._format = format
        self._limits = limits
        self._stop = stop
        self._confinement = confinement
        self.taken = 0  # Bytes of the archive that have been read.

    def open(
        self, stream: Iterator[Buffer], file: Path | None, spool_path: Callable[[], Path]
    ) -> tuple[str, Iterator[Buffer]]:
        """The name of the disk inside, and its bytes."""
        if file is not None:
            close(stream)
            return self._in_file(os.open(file, os.O_RDONLY | os.O_CLOEXEC))
        if self._format not in magic.SEEKING:
            return self._disk(_Counted(self, stream), None)
        try:
            path = spool_path()
        except BaseException:
            close(stream)
            raise
        spool(stream, path, stop=self._stop, size_cap=self._limits.max_bytes)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        finally:
            path.unlink()
        return self._in_file(descriptor)

    def _in_file(self, descriptor: int) -> tuple[str, Iterator[Buffer]]:
        """The same, of an archive that is open as ``descriptor``, which is closed in the end."""
        try:
            self.taken = os.fstat(descriptor).st_size
            if self._format in _CHECKS:
                _CHECKS[self._format](descriptor)
            return self._disk(descriptor, descriptor)
        except BaseException:
            os.close(descriptor)
            raise

    def _disk(self, source: Iterable[Buffer] | int, owned: int | None) -> tuple[str, Iterator[Buffer]]:
        disk = Disk(self._format, read(self._format, source, stop=self._stop, confinement=self._confinement))
        return disk.name, self._limited(disk, owned)

    def _limited(self, disk: Disk, owned: int | None) -> Iterator[Buffer]:
        given = 0
        chunks = regroup(disk.chunks(), PIECE)
        try:
            for chunk in chunks:
                given += len(chunk)
                self._limits.check(self._format, given, self.taken)
                yield chunk
        finally:
            close(chunks)
            if owned is not None:
                os.close(owned)


class _Counted:
    """A stream that an archive is read from, counted for it. No generator: it may be closed before it has begun."""

    def __init__(self, archive: _Archive, stream: Iterator[Buffer]) -> None:
        self._archive = archive
        self._stream = stream

    def __iter__(self) -> Iterator[Buffer]:
        return self

    def __next__(self) -> Buffer:
        chunk = next(self._stream)
        self._archive.taken += len(chunk)
        return chunk

    def close(self) -> None:
        """Close the stream."""
        close(self._stream)
