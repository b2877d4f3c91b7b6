"""Reads a disk whose data lies in the image file as it is, at the places that the file's map names."""

import os
from array import array
from collections.abc import Iterator
from pathlib import Path

from glimpse.transfer.aligned import aligned
from glimpse.transfer.disk.nbd.client import Run
from glimpse.transfer.extent import Buffer
from glimpse.transfer.faults import explain


class PlainFile:
    """A disk of ``size`` bytes in the file ``path``, opened as long as the ``with`` block lasts.

    ``places`` holds three numbers for each piece of data, ascending: where it begins on the disk, its length, where it
    begins in the file. What lies beyond the end of the file is zero, as to qemu: it writes the last cluster only as far
    as there is data.

    A qcow2 of 2 GiB with 0.75 GiB of data takes 0.15 s; with qemu-nbd and a socket, 0.55 s.
    """

    def __init__(self, path: Path, size: int, places: "array[int]") -> None:
        self.size = size
        self._places = places
        self._at = 0
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise explain(error, "opening the image's file") from error

    def close(self) -> None:
        """Release the file."""
        os.close(self._descriptor)

    def runs(self) -> Iterator[Run]:
        """The pieces of data; holes are what lies between."""
        for number in range(0, len(self._places), 3):
            yield Run(self._places[number], self._places[number + 1], zero=False)

    def read(self, pieces: Iterator[tuple[int, int]]) -> Iterator[tuple[int, Buffer]]:
        """The bytes of each ``(offset, length)``, ascending: ``(offset, bytes)``."""
        for offset, length in pieces:
            yield offset, self._read(offset, length)

    def _read(self, offset: int, length: int) -> Buffer:
        # Where a store writes past the page cache, it needs memory that is aligned.
        buffer, end = aligned(length), offset + length
        begin, count, place = self._piece(offset)
        while begin < end:
            first, last = max(begin, offset), min(begin + count, end)
            self._fill(buffer[first - offset : last - offset], place + first - begin)
            if last == end:
                # The rest of this piece is for the next read.
                break
            begin, count, place = self._piece(last)
        return buffer

    def _piece(self, position: int) -> tuple[int, int, int]:
        """The first piece that ends behind ``position``; an empty one at the disk's end where there is none."""
        while self._at < len(self._places):
            begin, count, place = self._places[self._at : self._at + 3]
            if begin + count > position:
                return begin, count, place
            self._at += 3
        return self.size, 0, 0

    def _fill(self, buffer: memoryview, place: int) -> None:
        try:
            while buffer and (read := os.preadv(self._descriptor, [buffer], place)):
                buffer, place = buffer[read:], place + read
        except OSError as error:
            raise explain(error, "reading the image's file") from error
