"""``image_conversion``: delivers every image in one disk format, whatever it came in."""

from glimpse.config import Settings
from glimpse.errors import GlimpseError, Invalid
from glimpse.imports.draft import Draft
from glimpse.imports.inspection import rules
from glimpse.transfer.disk.convert_file import vmdk_type

# What qemu can read that the Image API has a disk_format for. A partitioned disk (gpt) is raw bytes.
SOURCES = frozenset({"qcow2", "raw", "vmdk", "vdi", "vhd", "vhdx"})
# An ISO is a medium, not a disk, and stays what it is.
UNTOUCHED = frozenset({"iso"})


class ImageConversion:
    """Adds a conversion to the plan where the image is not yet in ``[image_conversion] output_format``."""

    name = "image_conversion"

    def __init__(self, settings: Settings) -> None:
        """Raises GlimpseError where no image could have the format that is asked for."""
        wanted = settings.image_conversion.output_format
        # qemu calls vpc what the Image API calls vhd.
        self._target = "vhd" if wanted == "vpc" else wanted
        allowed = settings.image_format.disk_formats
        if self._target not in allowed:
            raise GlimpseError(
                f"[image_conversion] output_format is {wanted}, but [image_format] disk_formats does not allow "
                f"{self._target}.",
                hint=f"Add {self._target} to disk_formats, or convert to one of them: {', '.join(allowed)}.",
            )
        if self._target == "vmdk" and vmdk_type(rules(settings)) is None:
            raise GlimpseError(
                "[image_conversion] output_format is vmdk, but [image_format] vmdk_allowed_types allows neither "
                "monolithicSparse nor streamOptimized.",
                hint="Allow one of the two; other kinds are not one file.",
            )

    def contribute(self, draft: Draft) -> None:
        """Convert, unless the image is an ISO, in the target format already, or to be kept compressed.

        An image in another container is taken at its word: its data must be of its disk_format. Only of raw data nobody
        can tell. Raises Invalid for what cannot be converted.
        """
        source = "raw" if draft.disk_format == "gpt" else draft.disk_format
        if source is None or source in UNTOUCHED | {self._target} or draft.container_format == "compressed":
            return
        if source not in SOURCES:
            raise Invalid(
                f"An image of disk_format {source!r} cannot be converted to {self._target}.",
                hint=f"Formats that can: {', '.join(sorted(SOURCES))}.",
            )
        if source == "raw" and draft.container_format not in {None, "bare"}:
            raise Invalid(
                f"An image of disk_format raw in a container ({draft.container_format}) cannot be converted to "
                f"{self._target}.",
                hint="If the data is the bare disk, set container_format to bare.",
            )
        draft.planner.convert(source, self._target)
        draft.disk_format, draft.container_format = self._target, "bare"
