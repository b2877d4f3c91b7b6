"""What can go wrong, by what its reader can do about it.

Every error that a user may see derives from :class:`GlimpseError`; a room narrows one of the kinds below
and the api room maps the *kinds* (never the narrowed classes) to HTTP status codes.
"""

from typing import ClassVar


class GlimpseError(Exception):
    """A failure explained for the person who reads it.

    ``message`` says what failed and with which value; ``hint`` what to do next; ``code`` is a stable
    word for programs; ``retryable`` says whether the same request may succeed later unchanged.
    """

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Invalid(GlimpseError):
    """The request or the data is wrong and stays wrong (HTTP 400)."""

    code = "invalid"


class Forbidden(GlimpseError):
    """The caller may see the thing but not do this to it (HTTP 403)."""

    code = "forbidden"


class NotFound(GlimpseError):
    """There is no such thing, or the caller may not know of it (HTTP 404)."""

    code = "not-found"


class Conflict(GlimpseError):
    """The thing is in a state that does not allow this (HTTP 409)."""

    code = "conflict"


class Gone(GlimpseError):
    """The thing was removed while the request ran (HTTP 410)."""

    code = "gone"


class TooLarge(GlimpseError):
    """A limit or quota would be exceeded (HTTP 413)."""

    code = "too-large"


class NoSpace(GlimpseError):
    """A disk or a store is full (HTTP 413)."""

    code = "no-space"
    retryable = True


class UnsafeImage(GlimpseError):
    """The image is not what was declared, or fails a safety check (HTTP 415 on upload)."""

    code = "unsafe-image"


class Unavailable(GlimpseError):
    """Something this service depends on does not answer now (HTTP 503)."""

    code = "unavailable"
    retryable = True


class Cancelled(GlimpseError):
    """The work was told to stop."""

    code = "cancelled"


class ClaimLost(GlimpseError):
    """Another process holds the claim now, or the image is gone: whoever sees this must stop at once."""

    code = "claim-lost"
