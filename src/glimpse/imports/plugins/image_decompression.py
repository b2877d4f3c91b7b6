"""``image_decompression``: unpacks compressed images while they pass, found by content and never by name."""

from glimpse.config import Settings
from glimpse.imports.draft import Draft
from glimpse.imports.run import ImportRun


class ImageDecompression:
    """Adds a decompressor to the plan; ``container_format=compressed`` is left alone."""

    name = "image_decompression"

    def __init__(self, settings: Settings) -> None:
        """There is nothing to configure."""

    def contribute(self, draft: Draft) -> None:
        """Unpack whatever turns out to be packed."""
        if draft.container_format != "compressed":
            draft.planner.decompress()

    def apply(self, run: ImportRun) -> None:
        """Nothing: the bytes are unpacked as they pass."""

    def undo(self, run: ImportRun) -> None:
        """Nothing: what was unpacked goes with the spool and the stores' objects."""
