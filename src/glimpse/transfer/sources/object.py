"""An object in a store as a source."""

from collections.abc import Iterator

from glimpse.errors import Gone
from glimpse.transfer.extent import Buffer
from glimpse.transfer.protocols import Reader
from glimpse.transfer.sources.guard import Guard
from glimpse.transfer.streams import CHUNK


class ObjectSource:
    """What ``reader`` reads, in order; closes it."""

    def __init__(self, reader: Reader, chunk: int = CHUNK) -> None:
        self._reader = reader
        self._guard = Guard(reader.close)
        self._chunk = chunk
        self._size = reader.size

    @property
    def size(self) -> int:
        """The object's length in bytes."""
        return self._size

    def chunks(self) -> Iterator[Buffer]:
        """All bytes in order. Raises Gone when the object ends before its size."""
        position = 0
        while position < self._size:
            with self._guard.use():
                chunk = self._reader.read(position, min(self._chunk, self._size - position))
            if not chunk:
                raise Gone(f"The object ended after {position} of {self._size} bytes.")
            position += len(chunk)
            yield chunk

    def close(self) -> None:
        """Release the reader, at the latest when the read that is under way comes back."""
        self._guard.close()
