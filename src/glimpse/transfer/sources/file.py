"""A file on this host as a source: in order as a stream, or as extents that skip its holes."""

import os
from collections.abc import Iterator
from pathlib import Path

from glimpse.errors import Gone, NotFound
from glimpse.transfer.extent import Buffer, Extent
from glimpse.transfer.faults import explain
from glimpse.transfer.sources.guard import Guard
from glimpse.transfer.sparse import data_ranges
from glimpse.transfer.streams import CHUNK


class FileSource:
    """The file at ``path``, as long as it is now. A Stream and a LocalFile.

    Raises NotFound when there is none. A file that becomes shorter while it is read is Gone.
    """

    def __init__(self, path: Path, chunk: int = CHUNK) -> None:
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise NotFound(f"There is no file {path}.") from error
        except OSError as error:
            raise explain(error, f"opening {path}") from error
        self._guard = Guard(lambda: os.close(self._descriptor))
        self._path = path
        self._chunk = chunk
        self._size = os.fstat(self._descriptor).st_size

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self._path

    @property
    def size(self) -> int:
        """Its length in bytes, holes included."""
        return self._size

    def chunks(self) -> Iterator[Buffer]:
        """All bytes in order, those of holes too."""
        yield from self._read(0, self._size)

    def extents(self) -> Iterator[Extent]:
        """The file with its holes as zero extents, which are not read. Zeros that are stored come as data."""
        position = 0
        for begin, end in self._data_ranges():
            if position < begin:
                yield Extent(position, begin - position, None)
            position = begin
            for chunk in self._read(begin, end):
                yield Extent(position, len(chunk), chunk)
                position += len(chunk)
        if position < self._size:
            yield Extent(position, self._size - position, None)

    def close(self) -> None:
        """Release the file; a reading thread ends with Cancelled at its next chunk."""
        self._guard.close()

    def _data_ranges(self) -> Iterator[tuple[int, int]]:
        ranges = data_ranges(self._descriptor, self._size)
        while True:
            with self._guard.use():
                found = next(ranges, None)
            if found is None:
                return
            yield found

    def _read(self, begin: int, end: int) -> Iterator[Buffer]:
        while begin < end:
            with self._guard.use():
                try:
                    chunk = os.pread(self._descriptor, min(self._chunk, end - begin), begin)
                except OSError as error:
                    raise explain(error, f"reading {self._path}") from error
            if not chunk:
                raise Gone(f"{self._path} shrank from {self._size} to {begin} bytes while it was read.")
            begin += len(chunk)
            yield chunk
