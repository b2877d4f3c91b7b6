"""How a source fails: for good, or in a way that another try may not meet."""

from glimpse.errors import Invalid, Unavailable


class SourceRefused(Invalid):
    """The source's answer is wrong and stays wrong; ``status`` is its HTTP status, where there was one."""

    code = "source-refused"

    def __init__(self, message: str, *, status: int | None = None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status


class SourceUnavailable(Unavailable):
    """The source failed in a way that may pass; ``status`` is its HTTP status, where there was one."""

    code = "source-unavailable"

    def __init__(self, message: str, *, status: int | None = None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status
