"""Giving a finished file its final name."""

import os
from pathlib import Path

from glimpse.errors import ClaimLost, Conflict
from glimpse.stores.file.disk import sync_directory
from glimpse.stores.file.names import claimed_name, mark


def publish(source: Path, fd: int, directory: Path, image_id: str, claim: int, *, sync: bool) -> Path:
    """Link the file ``source``, open at ``fd``, into ``directory`` under its image's name; the path it got.

    Never replaces: where the plain name is taken it becomes ``<image>.<claim>``. ``source`` itself stays.
    With ``sync`` the data and the name are on the disk before this returns. Raises OSError, Conflict when
    this claim has already an object here, ClaimLost when ``source`` was removed or replaced meanwhile.
    """
    mark(fd, claim)
    if sync:
        os.fdatasync(fd)
    final = _link(source, fd, directory, image_id, claim)
    if sync:
        sync_directory(directory)
    return final


def remove_own(path: Path, device: int, inode: int) -> None:
    """Remove ``path`` if it is still that very file; anything else under the name belongs to somebody
    else.
    """
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    if (status.st_dev, status.st_ino) == (device, inode):
        path.unlink(missing_ok=True)


def _link(source: Path, fd: int, directory: Path, image_id: str, claim: int) -> Path:
    status = os.fstat(fd)
    for final in (directory / image_id, directory / claimed_name(image_id, claim)):
        try:
            os.link(source, final, follow_symlinks=False)
        except FileExistsError:
            continue
        except FileNotFoundError as error:
            raise ClaimLost(f"{source.name} was removed while it was being written.") from error
        if not os.path.samestat(final.lstat(), status):
            # Somebody with the same claim put another file under our name; it is not ours to publish.
            final.unlink(missing_ok=True)
            raise ClaimLost(f"{source.name} was replaced while it was being written.")
        return final
    raise Conflict(f"{directory} has already an object of image {image_id} of claim {claim}.")
