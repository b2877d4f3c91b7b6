"""How long-running work notices that it must end."""

from glimpse.transfer.protocols import Progress, Stop

# How often a thread that waits for another looks at its Stop. Ends are promised within a second; a check costs
# a microsecond, and a tenth of a second leaves time for clearing up.
POLL = 0.1


class NeverStop:
    """A Stop that never asks for the end."""

    def check(self) -> None:
        """Return."""


class NoProgress:
    """A Progress that nobody reads."""

    def report(self, phase: str, done: int, total: int | None) -> None:
        """Forget it."""


NEVER: Stop = NeverStop()
SILENT: Progress = NoProgress()
