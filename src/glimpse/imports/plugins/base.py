"""What an import plugin is, to this service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from glimpse.config import Settings
from glimpse.imports.draft import Draft
from glimpse.imports.run import ImportRun


@runtime_checkable
class Plugin(Protocol):
    """A stage of every import, in the order of ``image_import_plugins``.

    One that works on the bytes adds elements to the plan, which run while the bytes pass. One that has something to do
    when its turn in the flow comes :class:`Acts` too.
    """

    @property
    def name(self) -> str:
        """The name as in ``image_import_plugins``."""

    def contribute(self, draft: Draft) -> None:
        """Add to the plan, before any byte moves. Raises Invalid when the image cannot be treated as configured."""


@runtime_checkable
class Acts(Plugin, Protocol):
    """A plugin with a turn of its own in the flow."""

    def apply(self, run: ImportRun, rest: Sequence[Plugin]) -> None:
        """Take the turn, before that of ``rest``; may be called again after a conductor's death."""

    def undo(self, run: ImportRun) -> None:
        """Take back what :meth:`apply` did; may be called again, and when apply was never called."""


class PluginClass(Protocol):
    """What our entry points under ``glance.image_import.plugins`` name: called once, at start."""

    def __call__(self, settings: Settings) -> Plugin:
        """The plugin as configured. Raises GlimpseError when the configuration does not make sense."""
