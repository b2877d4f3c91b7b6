"""Bytes in memory as a source: the simplest correct Stream."""

from collections.abc import Iterator

from glimpse.errors import Cancelled
from glimpse.transfer.extent import Buffer
from glimpse.transfer.streams import CHUNK


class MemorySource:
    """Gives ``data`` in pieces of ``chunk`` bytes."""

    def __init__(self, data: Buffer, chunk: int = CHUNK) -> None:
        self._data = memoryview(data)
        self._chunk = chunk
        self._closed = False

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return len(self._data)

    def chunks(self) -> Iterator[Buffer]:
        """The bytes in order."""
        for start in range(0, len(self._data), self._chunk):
            if self._closed:
                raise Cancelled("The source was closed while it was being read.")
            yield self._data[start : start + self._chunk]

    def close(self) -> None:
        """A reading thread ends with Cancelled at its next chunk."""
        self._closed = True
