"""Giving a finished file its final name, and taking that back."""

import os
from dataclasses import dataclass
from pathlib import Path

from glimpse.errors import ClaimLost, Conflict
from glimpse.stores.file.disk import sync_directory
from glimpse.stores.file.names import claimed_name, mark


@dataclass(frozen=True, slots=True)
class Published:
    """A file under its final name, and what tells it from any that may bear that name later.

    The time counts because a file system uses inode numbers again, often at once.
    """

    path: Path
    device: int
    inode: int
    length: int
    modified_ns: int

    @classmethod
    def of(cls, path: Path, status: os.stat_result) -> "Published":
        """The file at ``path``, whose status this is."""
        return cls(path, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)

    def withdraw(self) -> None:
        """Remove the file, unless something else bears its name by now. Raises OSError."""
        try:
            if Published.of(self.path, self.path.lstat()) == self:
                self.path.unlink(missing_ok=True)
        except FileNotFoundError:
            return


def publish(source: Path, fd: int, directory: Path, image_id: str, claim: int, *, sync: bool) -> Published:
    """Link the file ``source``, open at ``fd``, into ``directory`` under its image's name.

    Never replaces: where the plain name is taken it becomes ``<image>.<claim>``. ``source`` itself stays.
    With ``sync`` the data and the name are on the disk before this returns. When it fails, nothing is
    published. Raises OSError, Conflict when this claim has already an object here, ClaimLost when ``source``
    was removed or replaced meanwhile.
    """
    mark(fd, claim)
    if sync:
        os.fdatasync(fd)
    published = _link(source, fd, directory, image_id, claim)
    try:
        if sync:
            sync_directory(directory)
    except OSError:
        published.withdraw()
        raise
    return published


def discard(path: Path, fd: int) -> None:
    """Remove ``path`` if it is the file that is open at ``fd``. Raises OSError."""
    try:
        if os.path.samestat(path.lstat(), os.fstat(fd)):
            path.unlink(missing_ok=True)
    except FileNotFoundError:
        return


def _link(source: Path, fd: int, directory: Path, image_id: str, claim: int) -> Published:
    status = os.fstat(fd)
    for final in (directory / image_id, directory / claimed_name(image_id, claim)):
        try:
            os.link(source, final, follow_symlinks=False)
        except FileExistsError:
            continue
        except FileNotFoundError as error:
            raise ClaimLost(f"{source.name} was removed while it was being written.") from error
        linked = final.lstat()
        if not os.path.samestat(linked, status):
            # Somebody with the same claim put another file under our name; it is not ours to publish.
            Published.of(final, linked).withdraw()
            raise ClaimLost(f"{source.name} was replaced while it was being written.")
        return Published.of(final, status)
    raise Conflict(f"{directory} has already an object of image {image_id} of claim {claim}.")
