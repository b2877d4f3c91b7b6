"""From what went wrong to an HTTP answer.

Clients of the Image API key on the status code; the body is for people. It is JSON, HTML or text, as the client
asks in ``Accept``.
"""

import html
import json
from collections.abc import Iterable, Mapping
from http import HTTPStatus

from glimpse import errors
from glimpse.access import redact
from glimpse.access.caller import Unauthenticated

Headers = list[tuple[bytes, bytes]]

# Narrow kinds before wide ones; everything else that is a GlimpseError is our fault.
STATUS: tuple[tuple[type[errors.GlimpseError], int], ...] = (
    (Unauthenticated, 401),
    (errors.Invalid, 400),
    (errors.Forbidden, 403),
    (errors.NotFound, 404),
    (errors.Conflict, 409),
    (errors.ClaimLost, 409),
    (errors.Gone, 410),
    (errors.TooLarge, 413),
    (errors.NoSpace, 413),
    (errors.UnsafeImage, 415),
    (errors.Unavailable, 503),
    (errors.Cancelled, 503),
)

# When to come again: a database server restarts in one to five seconds, and the request has waited for it already.
RETRY_SECONDS = 5

_KINDS: Mapping[str, str] = {
    "application/json": "json",
    "application/*": "json",
    "text/html": "html",
    "*/*": "html",
    "text/plain": "text",
    "text/*": "text",
}


class HttpError(errors.GlimpseError):
    """A refusal that only HTTP knows: it has its own status and perhaps headers."""

    code = "http"

    def __init__(
        self, status: int, message: str, *, headers: Mapping[str, str] | None = None, hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.headers = dict(headers or {})


def status_of(error: errors.GlimpseError) -> int:
    """The HTTP status of an error."""
    if isinstance(error, HttpError):
        return error.status
    for kind, status in STATUS:
        if isinstance(error, kind):
            return status
    return 500


def headers_of(error: errors.GlimpseError) -> Mapping[str, str]:
    """What an answer says of the error in its head."""
    if isinstance(error, HttpError):
        return error.headers
    if isinstance(error, Unauthenticated) and error.challenge:
        return {"www-authenticate": error.challenge}
    return {"retry-after": str(RETRY_SECONDS)} if status_of(error) == 503 else {}


def text_of(error: errors.GlimpseError) -> str:
    """What the client is told: the message, then what to do next; without secrets."""
    return redact.text(f"{error.message} {error.hint}".strip())


def preferred(accept: str | None) -> str:
    """``json``, ``html`` or ``text``: what the client likes best of what we offer, ``text`` where it says
    nothing of them.

    Who takes anything gets HTML: glanceclient does, and from JSON it reads errors of another form only.
    """
    best, best_quality = "text", 0.0
    for quality, media in _accepted(accept or ""):
        kind = _KINDS.get(media)
        if kind and quality > best_quality:
            best, best_quality = kind, quality
    return best


def _accepted(accept: str) -> Iterable[tuple[float, str]]:
    for part in accept.split(","):
        media, *parameters = [piece.strip().lower() for piece in part.split(";")]
        quality = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    quality = float(parameter[2:])
                except ValueError:
                    quality = 0.0
        yield quality, media


def reason(status: int) -> str:
    """The standard words for a status code."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def render(status: int, message: str, accept: str | None) -> tuple[bytes, str]:
    """Body and content type of an error answer."""
    title = reason(status)
    line = f"{status} {title}"
    kind = preferred(accept)
    if kind == "text":
        return f"{line}\n\n{message}\n\n   ".encode(errors="replace"), "text/plain; charset=UTF-8"
    if kind == "html":
        said = html.escape(message)
        page = (
            f"<html>\n <head>\n  <title>{line}</title>\n </head>\n <body>\n  <h1>{line}</h1>\n"
            f"  {said}<br /><br />\n\n\n\n </body>\n</html>"
        )
        return page.encode(errors="replace"), "text/html; charset=UTF-8"
    document = {"message": message, "code": line, "title": title}
    return json.dumps(document, ensure_ascii=False).encode(errors="replace"), "application/json"
