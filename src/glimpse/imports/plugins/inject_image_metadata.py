"""``inject_image_metadata``: sets properties that the operator wants every imported image to have."""

from collections.abc import Sequence

from glimpse.catalog.records import RESERVED_PREFIX
from glimpse.config import Settings
from glimpse.imports.draft import Draft
from glimpse.imports.plugins.base import Plugin
from glimpse.imports.run import ImportRun


class InjectImageMetadata:
    """Sets ``[inject_metadata_properties] inject``, unless the caller has one of ``ignore_user_roles``.

    It acts with the service's authority. A failed import gives the user's values back.
    """

    name = "inject_image_metadata"

    def __init__(self, settings: Settings) -> None:
        """Take the options; reserved names are left out."""
        options = settings.inject_metadata_properties
        # A caller's roles are lower case, whatever the operator writes.
        self._ignored = frozenset(role.lower() for role in options.ignore_user_roles)
        self._inject = {
            name: value for name, value in options.inject.items() if not name.startswith(RESERVED_PREFIX)
        }

    def contribute(self, draft: Draft) -> None:
        """Nothing: the bytes stay as they are."""

    def apply(self, run: ImportRun, rest: Sequence[Plugin]) -> None:
        """Set the properties; the catalog remembers in the same transaction what they were before."""
        if self._inject and not self._ignored.intersection(run.record.roles):
            run.resources.catalog.imports.inject(run.id, run.claim, self._inject)

    def undo(self, run: ImportRun) -> None:
        """Nothing here: the end of a failed import puts the former values back in its own transaction."""
