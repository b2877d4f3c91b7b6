"""Reading a remote object: in one sequential GET as long as the reads are, and in another where they jump."""

from collections.abc import Callable, Iterator
from contextlib import suppress

from glimpse.errors import Unavailable
from glimpse.stores.http.remote import Changed, NoRanges, Remote
from glimpse.transfer.extent import Buffer
from glimpse.transfer.sources.failures import SourceUnavailable

Ask = Callable[[int, str | None], Remote]
"""Makes a GET from a byte on, of what has this validator."""

# How many connections may be lost one after the other, and how many bytes must have come for the next loss to count as
# the first again: with any less, a server that sends a byte and breaks off, again and again, would be fast enough for
# the limits of each connection and keep its reader for weeks.
_TRIES = 3
_PROGRESS = 1 << 20


class HttpReader:
    """An object of a web server; ``ask`` makes the requests. Opens it.

    Raises UriRefused, SourceRefused, SourceUnavailable, ObjectGone.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._remote = ask(0, None)
        try:
            self._size = self._remote.total
        except BaseException:
            self._remote.close()
            raise
        self._validator = self._remote.validator
        self.seekable = self._remote.ranges
        self._flow: Iterator[Buffer] = self._remote.chunks()
        self._position = 0
        self._rest = memoryview(b"")
        self._lost = 0
        self._brought = 0

    @property
    def size(self) -> int:
        """Length in bytes."""
        return self._size

    def read(self, offset: int, length: int) -> Buffer:
        """Exactly ``length`` bytes at ``offset``, fewer only at the end.

        Raises NoRanges where that is not the next byte and the server sends no parts, Changed where the object is
        another than it was, SourceUnavailable where the connection is lost for good.
        """
        end = min(offset + length, self._size)
        pieces: list[Buffer] = []
        while offset < end:
            try:
                self._seek(offset)
                piece = self._take(end - offset)
            except SourceUnavailable as error:
                self._lost, self._brought = self._lost + 1, 0
                if isinstance(error, Changed) or not self.seekable or self._lost >= _TRIES:
                    raise
                self._drop()
                continue
            self._brought += len(piece)
            if self._brought >= _PROGRESS:
                self._lost = 0
            pieces.append(piece)
            offset += len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def close(self) -> None:
        """End the connection; harmless when repeated, and ends a read in another thread."""
        self._remote.close()

    def _take(self, most: int) -> memoryview:
        if not self._rest:
            piece = next(self._flow, None)
            if piece is None:
                raise Unavailable(f"The object ended after {self._position} of {self._size} bytes.")
            self._rest = memoryview(piece)
        taken, self._rest = self._rest[:most], self._rest[most:]
        self._position += len(taken)
        return taken

    def _seek(self, offset: int) -> None:
        """Make ``offset`` the next byte that comes."""
        ahead = offset - self._position
        if 0 <= ahead <= len(self._rest):
            self._rest, self._position = self._rest[ahead:], offset
            return
        if not self.seekable:
            raise NoRanges("The server of this object sends it only from the beginning to the end.")
        self._drop()
        self._remote = self._ask(offset, self._validator)
        if self._remote.total != self._size:
            raise Changed(f"The object has {self._remote.total} bytes now, not {self._size}.")
        self._flow, self._position = self._remote.chunks(), offset

    def _drop(self) -> None:
        """Forget the connection, so that the next read makes another."""
        with suppress(OSError):
            self._remote.close()
        self._flow, self._rest, self._position = iter(()), memoryview(b""), self._size
