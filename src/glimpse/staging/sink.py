"""Where received bytes go."""

from typing import Protocol

from glimpse.transfer.extent import Buffer
from glimpse.transfer.protocols import Writer
from glimpse.transfer.zeros import extents


class Sink(Protocol):
    """Takes bytes in order. Used by one thread at a time."""

    def write(self, data: Buffer) -> None:
        """Append bytes."""

    def abort(self) -> None:
        """Remove all that was written; harmless when repeated."""


class StoreSink:
    """A sink that feeds a store's writer, with blocks of zeros as facts. Committing stays with the writer's
    owner.
    """

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._length = 0

    def write(self, data: Buffer) -> None:
        """Append bytes. Raises what the store raises."""
        for extent in extents((data,), self._length):
            self._writer.write(extent)
        self._length += len(data)

    def abort(self) -> None:
        """Remove what the store has."""
        self._writer.abort()
