"""A staged file while it is being received."""

import os
from pathlib import Path

from glimpse.stores.file.disk import WRITE_BACK_BYTES, begin_write_back, explained, write_all
from glimpse.stores.file.names import part_name
from glimpse.stores.file.publish import Published, discard, publish
from glimpse.transfer.extent import Buffer
from glimpse.transfer.zeros import extents

# A complete staged file: where it is, and how to tell later that it is still the same.
Staged = Published


class StagedWriter:
    """A :class:`glimpse.staging.sink.Sink` that writes ``<image>.<claim>.part`` and gives it its final name
    at commit.

    Blocks of zeros become holes, so that a store that adopts the file has them as holes. The data is on the disk before
    the client is told so: what was found while it came in is trusted later, also after a loss of power. The disk is
    told to begin early, which leaves commit little to wait for.
    """

    def __init__(self, directory: Path, image_id: str, claim: int) -> None:
        self._directory = directory
        self._image_id = image_id
        self._claim = claim
        self._part = directory / part_name(image_id, claim)
        self._published: Published | None = None
        self._length = 0
        self._handed_over = 0
        with explained("The upload cannot be staged"):
            # What is left under this name is of this very claim, whose holder begins anew.
            self._part.unlink(missing_ok=True)
            self._fd = os.open(self._part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

    @property
    def length(self) -> int:
        """Bytes received so far."""
        return self._length

    def write(self, data: Buffer) -> None:
        """Append bytes. Raises NoSpace, Unavailable."""
        with explained(f"The upload cannot be staged beyond {self._length} bytes"):
            for extent in extents((data,), self._length):
                if extent.data is not None:
                    write_all(self._fd, extent.data, extent.offset)
        self._length += len(data)
        if self._length - self._handed_over >= WRITE_BACK_BYTES:
            begin_write_back(self._fd, self._handed_over, self._length - self._handed_over)
            self._handed_over = self._length

    def commit(self) -> Staged:
        """Give the file its final name; never replaces another. Raises NoSpace, Unavailable, ClaimLost."""
        with explained("The upload cannot be staged"):
            os.ftruncate(self._fd, self._length)
            self._published = publish(
                self._part, self._fd, self._directory, self._image_id, self._claim, sync=True
            )
            self._part.unlink(missing_ok=True)
            self._close()
        return self._published

    def abort(self) -> None:
        """Remove what was received, committed or not; harmless when repeated."""
        with explained("A partial upload cannot be removed"):
            if self._fd >= 0:
                discard(self._part, self._fd)
                self._close()
            if self._published is not None:
                self._published.withdraw()

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
