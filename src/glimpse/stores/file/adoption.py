"""Making a staged file an object of a file store without copying it: the same inode under another name."""

import os
import stat
from pathlib import Path

from glimpse.errors import Conflict
from glimpse.stores.file.disk import explained
from glimpse.stores.file.publish import Published, publish
from glimpse.stores.file.writer import DEFAULT_MODE
from glimpse.transfer.extent import Extent


def adoptable(path: Path, directory: Path) -> bool:
    """Whether ``path`` is a plain file on ``directory``'s file system that no other name leads to."""
    try:
        status = path.lstat()
        same = status.st_dev == directory.stat().st_dev
    except OSError:
        return False
    return same and stat.S_ISREG(status.st_mode) and status.st_nlink == 1


class Adoption:
    """A writer whose commit links the file into the store. The staged name stays until its owner removes
    it.
    """

    def __init__(
        self, store: str, path: Path, directory: Path, image_id: str, claim: int, *, mode: int, sync: bool
    ) -> None:
        self._what = f"Store {store!r} cannot adopt {path}"
        self._path = path
        self._directory = directory
        self._image_id = image_id
        self._claim = claim
        self._mode = mode or DEFAULT_MODE
        self._sync = sync
        self._published: Published | None = None
        with explained(self._what):
            self._fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)

    def write(self, extent: Extent) -> None:
        """Nothing is written: the bytes are there. Being given some is a fault of the caller."""
        raise Conflict("An adopted file takes no extents.")

    def commit(self) -> str:
        """Link the file to its final name; the URL of its location. Raises Conflict when it has another name
        now.
        """
        with explained(self._what):
            if os.fstat(self._fd).st_nlink != 1:
                raise Conflict(f"{self._path} has another name by now; an inode goes to one store only.")
            os.fchmod(self._fd, self._mode)
            self._published = publish(
                self._path, self._fd, self._directory, self._image_id, self._claim, sync=self._sync
            )
            self._close()
        return f"file://{self._published.path}"

    def abort(self) -> None:
        """Remove the store's name if it was given; the staged file stays. Harmless when repeated."""
        self._close()
        if self._published is not None:
            with explained("An adopted object cannot be removed"):
                self._published.withdraw()

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
