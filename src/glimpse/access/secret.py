"""A text that must not be shown by accident."""

import threading
import weakref

# Reentrant: whoever is collected inside may log, and a line of the log asks what is secret.
_lock = threading.RLock()


class Secret:
    """Whoever needs the text says so: :meth:`reveal`. Shown, formatted or logged it is three stars.

    As long as it exists, :func:`glimpse.access.redact.text` takes the same text out of whatever it is given.
    """

    __slots__ = ("__weakref__", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        with _lock:
            _all.add(self)

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __repr__(self) -> str:
        return "***"


_all: weakref.WeakSet[Secret] = weakref.WeakSet()


def known() -> list[str]:
    """The texts of all secrets that this process holds now."""
    with _lock:
        return [secret.reveal() for secret in _all]
