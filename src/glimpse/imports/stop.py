"""How a running import is told to end, and why."""

import threading

from glimpse.errors import GlimpseError


class Interrupted(GlimpseError):
    """This conductor is shutting down; another goes on with the import."""

    code = "interrupted"
    retryable = True


class StopSignal:
    """Set once by the heartbeat or the conductor; looked at by everything that moves bytes."""

    def __init__(self) -> None:
        self._reason: GlimpseError | None = None
        self._set = threading.Event()

    def set(self, reason: GlimpseError) -> None:
        """Ask the import to end because of ``reason``; the first reason stands."""
        if self._reason is None:
            self._reason = reason
        self._set.set()

    @property
    def reason(self) -> GlimpseError | None:
        """Why the import must end, or None while it may go on."""
        return self._reason

    def check(self) -> None:
        """Raise the reason, if there is one."""
        if self._reason is not None:
            raise self._reason

    def pause(self, seconds: float) -> None:
        """Wait for ``seconds``; raise the reason as soon as there is one."""
        self._set.wait(seconds)
        self.check()
