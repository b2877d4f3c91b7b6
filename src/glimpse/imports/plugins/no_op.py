"""``no_op``: does nothing; the smallest possible plugin, and the pattern for others."""

from glimpse.config import Settings
from glimpse.imports.draft import Draft


class NoOp:
    """Leaves everything as it is."""

    name = "no_op"

    def __init__(self, settings: Settings) -> None:
        """There is nothing to configure."""

    def contribute(self, draft: Draft) -> None:
        """Nothing."""
