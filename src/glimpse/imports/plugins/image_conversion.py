"""``image_conversion``: delivers every image in one disk format, whatever it came in."""

from glimpse.config import Settings
from glimpse.errors import GlimpseError, Invalid
from glimpse.imports.draft import Draft
from glimpse.imports.run import ImportRun

# What qemu can read that the Image API has a disk_format for. An ISO is a medium, not a disk, and stays what it is.
SOURCES = frozenset({"qcow2", "raw", "vmdk", "vdi", "vhd", "vhdx"})
UNTOUCHED = frozenset({"iso"})


class ImageConversion:
    """Adds a conversion to the plan where the image is not yet in ``[image_conversion] output_format``."""

    name = "image_conversion"

    def __init__(self, settings: Settings) -> None:
        """Only raw can be delivered so far. Raises GlimpseError for any other ``output_format``."""
        self._target = settings.image_conversion.output_format
        if self._target != "raw":
            raise GlimpseError(
                f"[image_conversion] output_format is {self._target!r}, but this version converts to raw only."
            )

    def contribute(self, draft: Draft) -> None:
        """Convert, unless the image is an ISO or in the target format already."""
        if draft.disk_format is None or draft.disk_format in UNTOUCHED | {self._target}:
            return
        if draft.disk_format not in SOURCES:
            raise Invalid(
                f"An image of disk_format {draft.disk_format!r} cannot be converted to {self._target}.",
                hint=f"Formats that can: {', '.join(sorted(SOURCES))}.",
            )
        draft.planner.convert(draft.disk_format, self._target)
        draft.disk_format = self._target

    def apply(self, run: ImportRun) -> None:
        """Nothing: the bytes are converted as they pass."""

    def undo(self, run: ImportRun) -> None:
        """Nothing: the stores' objects are removed by the step that made them."""
