"""A committed object of a file store, open for reading."""

import os
from collections.abc import Iterator
from pathlib import Path

from glimpse.errors import Unavailable
from glimpse.stores.errors import ObjectGone
from glimpse.transfer.extent import Extent

# Extents of data are read in pieces of this size: large enough that nothing per piece shows, small enough to
# share.
PIECE_BYTES = 1 << 20


class FileReader:
    """Reads at any offset; any number of threads may call :meth:`read` at once."""

    def __init__(self, store: str, path: Path) -> None:
        self._what = f"Store {store!r} cannot read {path}"
        self._path = path
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise ObjectGone(f"Store {store!r} has no object {path}.") from error
        except OSError as error:
            raise Unavailable(f"{self._what}: {error.strerror}.") from error
        self._size = os.fstat(self._fd).st_size

    @property
    def size(self) -> int:
        """Length in bytes."""
        return self._size

    @property
    def path(self) -> Path:
        """The file itself, for whoever can use it as it is."""
        return self._path

    def read(self, offset: int, length: int) -> bytes:
        """Exactly ``length`` bytes at ``offset``, fewer only at the end of the object. Raises Unavailable."""
        try:
            data = os.pread(self._fd, length, offset)
            while len(data) < length and offset + len(data) < self._size:
                more = os.pread(self._fd, length - len(data), offset + len(data))
                if not more:
                    break
                data += more
        except OSError as error:
            raise Unavailable(f"{self._what}: {error.strerror}.") from error
        return data

    def extents(self) -> Iterator[Extent]:
        """All of the object in order; its holes as zero extents, without reading them. Raises Unavailable."""
        at = 0
        while at < self._size:
            start, end = self._next_data(at)
            if start > at:
                yield Extent(at, start - at, None)
            for offset in range(start, end, PIECE_BYTES):
                data = self.read(offset, min(PIECE_BYTES, end - offset))
                yield Extent(offset, len(data), data)
            at = end

    def close(self) -> None:
        """Release the file; harmless when repeated."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _next_data(self, at: int) -> tuple[int, int]:
        """Where the next data at or after ``at`` begins and ends; both the object's end if there is none."""
        try:
            start = os.lseek(self._fd, at, os.SEEK_DATA)
        except OSError:
            return self._size, self._size
        return min(start, self._size), min(os.lseek(self._fd, start, os.SEEK_HOLE), self._size)
