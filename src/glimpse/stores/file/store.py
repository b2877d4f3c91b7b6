"""The file store: images are files in one directory, or in several with priorities."""

import os
from collections.abc import Collection, Mapping
from pathlib import Path

from glimpse.errors import Forbidden
from glimpse.stores.errors import StoreDenied, StoreFull
from glimpse.stores.file.adoption import Adoption, adoptable
from glimpse.stores.file.disk import explain, explained, free_bytes
from glimpse.stores.file.names import check_image_id, remove_files
from glimpse.stores.file.options import FileOptions, read_metadata
from glimpse.stores.file.reader import FileReader
from glimpse.stores.file.writer import FileWriter

SCHEMES = ("file://", "filesystem://")


class FileStore:
    """A :class:`glimpse.stores.base.Store` on local (or network) file systems; it adopts, and keeps zeros as
    holes.
    """

    type = "file"
    read_only = False

    def __init__(
        self, id: str, options: Mapping[str, object], *, description: str = "", weight: int = 0
    ) -> None:
        self.id = id
        self.description = description
        self.weight = weight
        self._options = FileOptions.parse(id, options)
        self._paths = tuple(directory.path for directory in self._options.directories)
        file = self._options.metadata_file
        self._metadata = read_metadata(id, file) if file else {}

    @property
    def places(self) -> Collection[str]:
        """The directories, with symbolic links resolved."""
        return [str(path.resolve()) for path in self._paths]

    def check(self) -> None:
        """Make missing directories, and raise StoreDenied when one cannot be used."""
        for path in self._paths:
            with explained(f"Store {self.id!r} cannot use its directory {path}"):
                path.mkdir(mode=0o750, parents=True, exist_ok=True)
            if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
                raise StoreDenied(
                    f"Store {self.id!r} may not write to {path}.",
                    hint="Give the service's user read, write and search permission there.",
                )

    def writer(self, image_id: str, claim: int, size: int | None, *, data: int | None = None) -> FileWriter:
        """Begin an object in the first directory that has room for it. Raises NoSpace, Unavailable."""
        check_image_id(image_id)
        need = data if data is not None else size or 0
        return FileWriter(
            self.id,
            self._roomy(need),
            image_id,
            claim,
            size,
            mode=self._options.mode,
            sync=self._options.sync,
        )

    def adopt(self, path: Path, image_id: str, claim: int) -> Adoption | None:
        """A writer that links ``path``'s inode, into the first directory on the same file system; None
        without one.
        """
        check_image_id(image_id)
        for directory in self._paths:
            if adoptable(path, directory):
                return Adoption(
                    self.id,
                    path,
                    directory,
                    image_id,
                    claim,
                    mode=self._options.mode,
                    sync=self._options.sync,
                )
        return None

    def reader(self, url: str) -> FileReader:
        """Open a committed object. Raises NotFound, Unavailable, Forbidden for a path outside the store."""
        return FileReader(self.id, self._path(url))

    def delete(self, url: str) -> None:
        """Remove a committed object; one that is not there is no error."""
        path = self._path(url)
        with explained(f"Store {self.id!r} cannot remove {path}"):
            path.unlink(missing_ok=True)

    def sweep(self, image_id: str, keep: Collection[str], *, claim: int | None = None) -> None:
        """Remove this image's objects and parts that are neither kept nor of a higher claim."""
        kept = frozenset(self._path(url) for url in keep if url.startswith(SCHEMES) and self._is_ours(url))
        for directory in self._paths:
            with explained(f"Store {self.id!r} cannot clear {directory}"):
                remove_files(directory, image_id, kept, claim)

    def metadata(self, url: str) -> Mapping[str, object]:
        """From the metadata file: its object, or of a list the entry whose mount point is nearest above."""
        if isinstance(self._metadata, dict):
            return self._metadata
        path = self._path(url)
        above = [entry for entry in self._metadata if path.is_relative_to(str(entry["mountpoint"]))]
        return max(above, key=lambda entry: len(str(entry["mountpoint"])), default={})

    def _roomy(self, need: int) -> Path:
        best = -1
        for path in self._paths:
            try:
                free = free_bytes(path)
            except OSError as error:
                if len(self._paths) == 1:
                    raise explain(error, f"Store {self.id!r} cannot be used") from error
                continue
            # Nothing fits on a disk without a single free block, even when the size is not known.
            if free > 0 and free >= need:
                return path
            best = max(best, free)
        if best < 0:
            raise StoreDenied(f"Store {self.id!r}: none of its directories can be used.")
        raise StoreFull(
            f"Store {self.id!r} is full: {need} bytes are needed, {best} are free.",
            hint="Make room, or choose another store.",
        )

    def _is_ours(self, url: str) -> bool:
        try:
            self._path(url)
        except Forbidden:
            return False
        return True

    def _path(self, url: str) -> Path:
        for scheme in SCHEMES:
            if url.startswith(scheme):
                path = Path(os.path.normpath(url.removeprefix(scheme)))
                if any(path.is_relative_to(place) and path != place for place in self._places_as_spelled()):
                    return path
        raise Forbidden(
            f"Store {self.id!r} holds no such location.", hint="Its files are below its directories."
        )

    def _places_as_spelled(self) -> list[Path]:
        return [*self._paths, *(path.resolve() for path in self._paths)]
