"""A text that must not be shown by accident."""


class Secret:
    """Whoever needs the text says so: :meth:`reveal`. Shown, formatted or logged it is three stars."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __repr__(self) -> str:
        return "***"
