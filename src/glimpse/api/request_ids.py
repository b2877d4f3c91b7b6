"""What requests are called, in answers and in the log."""

import re
import uuid
from contextvars import ContextVar

from glimpse.api.errors import HttpError

CURRENT: ContextVar[str] = ContextVar("request", default="")
"""The request that this task, or thread, works for, as the log names it; empty outside of any."""

# Ids travel through other services' logs and URLs; whatever else a client invents would break lines or columns.
_PLAIN = re.compile(r"[A-Za-z0-9._-]+")


def new() -> str:
    """An id that no other request has."""
    return f"req-{uuid.uuid4()}"


def adopted(own: str, given: str, longest: int) -> str:
    """What a request is called whose client has ``given`` it an id: by that, so that one call can be followed
    through several services, unless it is none. The log names ``own`` as well, since clients repeat themselves.

    Raises HttpError for an id that is longer than ``longest``.
    """
    if len(given) > longest:
        raise HttpError(431, f"A request id may have {longest} characters.")
    if _PLAIN.fullmatch(given) is None:
        return own
    adopted = given if given.startswith("req-") else f"req-{given}"
    CURRENT.set(f"{own} {adopted}")
    return adopted
