"""``glance-direct``: the bytes were staged by the user with ``PUT /v2/images/{id}/stage``."""

from pathlib import Path

from glimpse.catalog.records import Image
from glimpse.config import Settings
from glimpse.errors import Conflict, GlimpseError
from glimpse.imports.request import ImportRequest
from glimpse.imports.run import ImportRun
from glimpse.transfer.sources.file import FileSource


class StagedDataLost(GlimpseError):
    """The staged file is no longer what it was when it was staged."""

    code = "staged-data-lost"


class GlanceDirect:
    """Import from this host's staging area."""

    name = "glance-direct"
    required_status = "uploading"
    source = "staged"

    def check(self, request: ImportRequest, image: Image, settings: Settings) -> None:
        """Data must be staged completely: an upload that still runs has no size yet."""
        if image.size is None:
            raise Conflict("The upload to staging has not ended yet.", hint="Import again when it has.")

    def open(self, run: ImportRun) -> FileSource:
        """The staged file. Raises StagedDataLost when it is missing or not the file that was staged."""
        staged = run.staged()
        if staged is None or not run.resources.area.matches(staged):
            raise StagedDataLost(
                "The staged data is gone or was changed behind the service's back.",
                hint="Upload the image to staging again, then import.",
            )
        return FileSource(Path(staged.path))
