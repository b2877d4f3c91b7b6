"""What an import plugin is."""

from typing import Protocol, runtime_checkable

from glimpse.config import Settings
from glimpse.imports.draft import Draft
from glimpse.imports.run import ImportRun


@runtime_checkable
class Plugin(Protocol):
    """A stage of every import, in the order of ``image_import_plugins``.

    A plugin that works on the bytes adds elements to the plan, which run while the bytes pass; it never sees a file.
    One that works on the record does so in :meth:`apply`, when its turn in the flow comes.
    """

    @property
    def name(self) -> str:
        """The name as in ``image_import_plugins``."""

    def contribute(self, draft: Draft) -> None:
        """Add to the plan, before any byte moves. Raises Invalid when the image cannot be treated as configured."""

    def apply(self, run: ImportRun) -> None:
        """Do what concerns the record; may be called again after a conductor's death."""

    def undo(self, run: ImportRun) -> None:
        """Take back what :meth:`apply` did; may be called again, and when apply was never called."""


class PluginClass(Protocol):
    """What an entry point under ``glance.image_import.plugins`` names: called once, at start."""

    def __call__(self, settings: Settings) -> Plugin:
        """The plugin as configured. Raises GlimpseError when the configuration does not make sense."""
