"""How long a connection may keep us waiting."""

from dataclasses import dataclass


class Stalled(Exception):
    """The other side sent nothing, or too little, for too long; the text says which."""


@dataclass(frozen=True, slots=True)
class Patience:
    """The limits of one download."""

    connect: float
    """Seconds for the name server, and again for each address to accept and finish its TLS handshake."""
    stall: float
    """Seconds without a byte after which a connection is given up; also the time for the whole header."""
    minimum_speed: int
    """Bytes per second, averaged over ``stall`` seconds, below which a connection is given up; 0: never."""

    @property
    def slice(self) -> float:
        """Seconds for which a blocking call may hide what happens meanwhile (a stop, a limit reached)."""
        # A stop must be seen within half a second; short limits (tests) need shorter looks.
        return max(0.01, min(0.25, self.stall / 4))


class Pace:
    """The watch over one body. Only time spent waiting for the source counts, not that of a slow consumer."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._idle = 0.0
        self._waited = 0.0
        self._received = 0

    def note(self, waited: float, received: int) -> None:
        """Add a wait of ``waited`` seconds that brought ``received`` bytes. Raises Stalled."""
        limits = self._patience
        self._idle = 0.0 if received else self._idle + waited
        if self._idle >= limits.stall:
            raise Stalled(f"no byte for {limits.stall:g} seconds")
        self._waited += waited
        self._received += received
        if self._waited >= limits.stall:
            if self._received < limits.minimum_speed * self._waited:
                speed = self._received / self._waited
                raise Stalled(f"only {speed:.0f} bytes per second, fewer than {limits.minimum_speed}")
            self._waited, self._received = 0.0, 0
