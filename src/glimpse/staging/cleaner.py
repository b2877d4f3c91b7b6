"""Removes what nobody needs any more from a staging area."""

import logging
import time
from pathlib import Path
from uuid import UUID

from glimpse.catalog.catalog import Catalog
from glimpse.catalog.records import Image
from glimpse.errors import NotFound
from glimpse.staging.area import Area
from glimpse.stores.errors import StoreDenied
from glimpse.stores.file.names import image_of

log = logging.getLogger(__name__)

# A file is made after the claim that explains it and goes before that claim ends, so that none needs a grace;
# it covers what lies between two hosts that share an area: clocks, and directories that a network file system
# caches.
GRACE_SECONDS = 300.0

# While an image is in one of these, a lease, a staged file that the catalog knows or an import explains its
# files; each of them ends by itself or is ended by the reaper, and the image then leaves the state.
EXPLAINING = frozenset({"saving", "uploading", "importing"})


class Cleaner:
    """Removes files of images that do not exist, or that no upload, staged data or import explains.

    Files whose name does not begin with an image's identifier are somebody else's and stay.
    """

    def __init__(self, area: Area, catalog: Catalog, *, grace: float = GRACE_SECONDS) -> None:
        self._area = area
        self._catalog = catalog
        self._grace = grace

    def run_once(self) -> list[Path]:
        """Look at every file once; the paths that were removed. Raises what the catalog raises."""
        removed = []
        for image_id, files in self._by_image().items():
            # The files were listed before the catalog is asked: one that is made from now on is not among
            # them.
            if not self._explained(image_id):
                removed += [path for path in files if self._remove(path)]
        return removed

    def _by_image(self) -> dict[str, list[Path]]:
        found: dict[str, list[Path]] = {}
        try:
            for path in sorted(self._area.directory.iterdir()):
                if _is_uuid(image_of(path.name)) and self._is_old(path):
                    found.setdefault(image_of(path.name), []).append(path)
        except FileNotFoundError:
            return {}
        except PermissionError as error:
            raise StoreDenied(
                f"Staging {self._area.directory} cannot be cleaned: {error.strerror}."
            ) from error
        return found

    def _explained(self, image_id: str) -> bool:
        try:
            image: Image = self._catalog.images.get(image_id)
        except NotFound:
            return False
        return image.status in EXPLAINING or image.import_id is not None

    def _is_old(self, path: Path) -> bool:
        try:
            status = path.lstat()
        except FileNotFoundError:
            return False
        # The inode's own time counts too: it changes when a file is renamed, linked or adopted.
        return time.time() - max(status.st_mtime, status.st_ctime) >= self._grace

    def _remove(self, path: Path) -> bool:
        if not self._is_old(path) or path.is_dir():
            return False
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("Staging: %s cannot be removed: %s.", path, error.strerror)
            return False
        log.info("Staging: %s removed, nothing needs it.", path)
        return True


def _is_uuid(word: str) -> bool:
    try:
        return str(UUID(word)) == word.lower()
    except ValueError:
        return False
