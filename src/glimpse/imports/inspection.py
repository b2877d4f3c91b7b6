"""Whether the bytes are what they are declared to be, and safe."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from glimpse.config import Settings
from glimpse.imports.run import ImportRun
from glimpse.transfer.disk.inspect import Finding, Inspector, InspectRules, inspect_file
from glimpse.transfer.extent import Buffer


def rules(settings: Settings) -> InspectRules:
    """The operator's ``[image_format]``."""
    options = settings.image_format
    return InspectRules(
        require_format_match=options.require_image_format_match,
        vmdk_allowed_types=tuple(options.vmdk_allowed_types),
        gpt_nonfatal=tuple(options.gpt_safety_checks_nonfatal),
    )


class Formats(Protocol):
    """What is said of data by somebody who has not looked: an image, or an import's record of one."""

    @property
    def disk_format(self) -> str | None:
        """The disk format."""

    @property
    def container_format(self) -> str | None:
        """The container format; ``bare`` when there is none around the disk."""


def expected_format(declared: Formats) -> str | None:
    """The disk format that the data must have; None where a container hides it and only safety is judged."""
    return declared.disk_format if declared.container_format == "bare" else None


class Inspection:
    """Looks on while the bytes of an import pass."""

    def __init__(self, run: ImportRun) -> None:
        self._inspector = Inspector(expected_format(run.declared), rules(run.resources.settings))

    def feed(self, data: Buffer) -> None:
        """The next bytes."""
        self._inspector.feed(data)

    def finish(self) -> Finding:
        """What was found, once all bytes have passed. Raises UnsafeImage."""
        finding = self._inspector.finish()
        finding.raise_if_refused()
        return finding


def check_file(path: Path, run: ImportRun) -> Finding:
    """Judge a file on this host against what the image is declared to be. Raises UnsafeImage.

    Only the file's beginning and end are read, so that looking again costs less than trusting what was found earlier.
    """
    finding = inspect_file(path, expected_format(run.declared), rules(run.resources.settings))
    finding.raise_if_refused()
    return finding
