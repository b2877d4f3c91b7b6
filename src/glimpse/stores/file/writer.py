"""An object of a file store while it is being written."""

import os
from contextlib import AbstractContextManager
from pathlib import Path

from glimpse.stores.errors import WrongSize
from glimpse.stores.file.direct import DirectFile
from glimpse.stores.file.disk import WRITE_BACK_BYTES, begin_write_back, copy_all, explained, write_all
from glimpse.stores.file.names import part_name
from glimpse.stores.file.publish import Published, discard, publish
from glimpse.transfer.extent import Extent

# Without filesystem_store_file_perm: readable by the service and its group (so that a hypervisor on the same
# host may read), whatever the umask adds to that.
DEFAULT_MODE = 0o640


class FileWriter:
    """Writes ``<image>.<claim>.part`` and links it to its final name at commit. Zeros become holes."""

    def __init__(
        self,
        store: str,
        directory: Path,
        image_id: str,
        claim: int,
        size: int | None,
        *,
        mode: int,
        sync: bool,
    ) -> None:
        self._what = f"Store {store!r} cannot take the image"
        self._directory = directory
        self._image_id = image_id
        self._claim = claim
        self._size = size
        self._mode = mode
        self._sync = sync
        self._end = 0
        self._handed_over = 0
        self._part = directory / part_name(image_id, claim)
        self._published: Published | None = None
        with explained(self._what):
            # What is left under this name is of this very claim, whose holder begins anew.
            self._part.unlink(missing_ok=True)
            self._fd = os.open(self._part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, DEFAULT_MODE)
        self._direct = DirectFile(self._part)

    def write(self, extent: Extent) -> None:
        """Take the next extent. Raises NoSpace, Unavailable."""
        if extent.data is not None:
            with self._failing():
                if not self._direct.take(extent.data, extent.offset):
                    write_all(self._fd, extent.data, extent.offset)
        self._advance(extent.offset + extent.length)

    def copy_from(self, fd: int, offset: int, length: int) -> None:
        """Take the next extent out of another local file, inside the kernel. Raises as :meth:`write`."""
        with self._failing():
            copy_all(fd, self._fd, offset, length)
        self._advance(offset + length)

    def commit(self) -> str:
        """Give the object its final name; the URL of its location."""
        if self._size is not None and self._size != self._end:
            raise WrongSize(self._size, self._end)
        with self._failing():
            os.ftruncate(self._fd, self._end)
            if self._mode:
                os.fchmod(self._fd, self._mode)
            self._published = publish(
                self._part, self._fd, self._directory, self._image_id, self._claim, sync=self._sync
            )
            self._part.unlink(missing_ok=True)
            self._close()
        return f"file://{self._published.path}"

    def abort(self) -> None:
        """Remove all that was written, committed by this writer or not; harmless when repeated."""
        with explained("What was written cannot be removed"):
            if self._fd >= 0:
                discard(self._part, self._fd)
                self._close()
            if self._published is not None:
                self._published.withdraw()

    def _advance(self, end: int) -> None:
        self._end = end
        if self._sync and end - self._handed_over >= WRITE_BACK_BYTES:
            begin_write_back(self._fd, self._handed_over, end - self._handed_over)
            self._handed_over = end

    def _failing(self) -> AbstractContextManager[None]:
        return explained(f"{self._what} ({self._end} bytes are written{self._promise()})")

    def _promise(self) -> str:
        return "" if self._size is None else f" of {self._size}"

    def _close(self) -> None:
        self._direct.close()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
