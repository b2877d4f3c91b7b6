"""Where bytes wait on this host: uploads until they are imported, and spools while an import runs."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from glimpse.staging.writer import StagedWriter
from glimpse.stores.errors import StoreDenied, StoreFull
from glimpse.stores.file.disk import explained, free_bytes
from glimpse.stores.file.names import check_image_id, files_of, remove_files

WHAT = "The staging area"


class Recorded(Protocol):
    """What the catalog remembers of a staged file (``glimpse.catalog`` has these)."""

    @property
    def path(self) -> str: ...
    @property
    def device(self) -> int: ...
    @property
    def inode(self) -> int: ...
    @property
    def length(self) -> int: ...
    @property
    def modified_ns(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Usage:
    """What the area holds: number of files, the bytes they take on the disk, and the bytes still free
    there.
    """

    files: int
    taken: int
    free: int


class Area:
    """One directory, made when it is missing. Names: :mod:`glimpse.stores.file.names`.

    Several processes use it at once. Whatever is being written carries its claim in its name, and nothing
    ever replaces a file: a process that has lost its claim can harm nobody.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory.absolute()

    def check(self) -> None:
        """Make the directory if needed. Raises StoreDenied, NoSpace or Unavailable when it cannot be used."""
        with explained(f"{WHAT} cannot be used"):
            self.directory.mkdir(mode=0o750, parents=True, exist_ok=True)
        if not os.access(self.directory, os.R_OK | os.W_OK | os.X_OK):
            raise StoreDenied(
                f"{WHAT} {self.directory} may not be written to.",
                hint="Give the service's user read, write and search permission there.",
            )

    def path(self, image_id: str) -> Path:
        """The usual name of an image's staged file. A file that found the name taken has another: the
        catalog's
        record says which.
        """
        return self.directory / check_image_id(image_id)

    def create(self, image_id: str, claim: int, size: int | None = None) -> StagedWriter:
        """Begin a staged file of ``size`` bytes (None: unknown). Raises NoSpace, Unavailable."""
        check_image_id(image_id)
        self.check()
        if size is not None and size > self.free():
            raise StoreFull(
                f"{WHAT} is full: {size} bytes are needed, {self.free()} are free.",
                hint="Make room, or import from a URL instead.",
            )
        return StagedWriter(self.directory, image_id, claim)

    def spool_path(self, image_id: str, claim: int, name: str = "spool") -> Path:
        """Where a running import may put bytes that must wait; ``name`` tells several spools of one import
        apart.
        """
        self.check()
        return self.directory / f"{check_image_id(image_id)}.{claim}.{check_image_id(name)}"

    def matches(self, staged: Recorded) -> bool:
        """Whether the file is, inode, length and time, the one that was staged."""
        try:
            status = os.lstat(staged.path)
        except OSError:
            return False
        found = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        return found == (staged.device, staged.inode, staged.length, staged.modified_ns)

    def files(self, image_id: str) -> list[Path]:
        """Every file of this image, staged, partial or spooled."""
        return files_of(self.directory, check_image_id(image_id))

    def remove(self, image_id: str, *, claim: int | None = None) -> None:
        """Remove every file of this image; with ``claim`` (the caller's), none that was made under a higher
        one.
        """
        with explained(f"{WHAT} cannot be cleared"):
            remove_files(self.directory, image_id, frozenset(), claim)

    def free(self) -> int:
        """Bytes that may still be written here."""
        with explained(f"{WHAT} cannot be used"):
            return free_bytes(self.directory)

    def usage(self) -> Usage:
        """What is here now. Files that go while this looks are not counted."""
        files = taken = 0
        with explained(f"{WHAT} cannot be used"), os.scandir(self.directory) as entries:
            for entry in entries:
                try:
                    taken += entry.stat(follow_symlinks=False).st_blocks * 512
                except FileNotFoundError:
                    continue
                files += 1
        return Usage(files, taken, self.free())
