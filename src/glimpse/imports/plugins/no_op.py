"""``no_op``: does nothing; the smallest possible plugin, and the pattern for others."""

from glimpse.config import Settings
from glimpse.imports.draft import Draft
from glimpse.imports.run import ImportRun


class NoOp:
    """Leaves everything as it is."""

    name = "no_op"

    def __init__(self, settings: Settings) -> None:
        """There is nothing to configure."""

    def contribute(self, draft: Draft) -> None:
        """Nothing."""

    def apply(self, run: ImportRun) -> None:
        """Nothing."""

    def undo(self, run: ImportRun) -> None:
        """Nothing."""
