"""``image_decompression``: unpacks packed images while they pass, found by content and never by name."""

from glimpse.config import Settings
from glimpse.imports.draft import ARCHIVES, Draft

# What the user wants kept as it is: compressed data, and an archive that is the image itself.
KEPT = frozenset({"compressed", "docker"})


class ImageDecompression:
    """Adds unpacking to the plan; ``container_format`` compressed and docker are left alone."""

    name = "image_decompression"

    def __init__(self, settings: Settings) -> None:
        """There is nothing to configure."""

    def contribute(self, draft: Draft) -> None:
        """Unpack whatever turns out to be packed; a disk that comes out of an archive is a bare one."""
        if draft.container_format in KEPT:
            return
        draft.planner.unpack()
        if draft.container_format in ARCHIVES:
            draft.container_format = "bare"
