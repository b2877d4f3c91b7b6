"""A committed object of a file store, open for reading."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

from glimpse.errors import Unavailable
from glimpse.stores.errors import ObjectGone
from glimpse.transfer.extent import Extent
from glimpse.transfer.sparse import data_ranges

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
        wanted = max(min(length, self._size - offset), 0)
        try:
            data = os.pread(self._fd, wanted, offset)
            while len(data) < wanted:
                more = os.pread(self._fd, wanted - len(data), offset + len(data))
                if not more:
                    raise OSError(errno.EIO, f"it has lost what was beyond {offset + len(data)} bytes")
                data += more
        except OSError as error:
            raise Unavailable(f"{self._what}: {error.strerror}.") from error
        return data

    def extents(self) -> Iterator[Extent]:
        """All of the object in order; its holes as zero extents, without reading them. Raises Unavailable."""
        position = 0
        for begin, end in data_ranges(self._fd, self._size):
            if begin > position:
                yield Extent(position, begin - position, None)
            for offset in range(begin, end, PIECE_BYTES):
                data = self.read(offset, min(PIECE_BYTES, end - offset))
                yield Extent(offset, len(data), data)
            position = end
        if position < self._size:
            yield Extent(position, self._size - position, None)

    def close(self) -> None:
        """Release the file; harmless when repeated."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
