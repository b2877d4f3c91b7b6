"""What an import method is: where the bytes come from, and what must hold before they are fetched."""

from typing import Protocol

from glimpse.catalog.records import Image
from glimpse.config import Settings
from glimpse.imports.request import ImportRequest
from glimpse.imports.run import ImportRun
from glimpse.transfer.protocols import Stream


class Method(Protocol):
    """One way by which bytes come in. Registered by name in :mod:`glimpse.imports.methods`."""

    @property
    def name(self) -> str:
        """The name as in ``enabled_import_methods``."""

    @property
    def required_status(self) -> str:
        """The status in which an image must be when the import is asked for."""

    @property
    def source(self) -> str:
        """The kind of the plan's first element: ``staged`` (a file on this host) or ``web`` (a stream)."""

    def check(self, request: ImportRequest, image: Image, settings: Settings) -> None:
        """Refuse in the call what is bound to fail. Raises Invalid or Conflict."""

    def open(self, run: ImportRun) -> Stream:
        """The bytes, from their beginning."""
