"""Who makes a request."""

from dataclasses import dataclass

from glimpse.errors import GlimpseError


class Unauthenticated(GlimpseError):
    """The request does not say in a way we accept who makes it (HTTP 401)."""

    code = "unauthenticated"


@dataclass(frozen=True, slots=True)
class Caller:
    """A user acting for a project.

    ``roles`` are lower case. ``is_admin`` is what the rule ``context_is_admin`` says of these roles; a caller
    without a project owns nothing.
    """

    user_id: str | None
    project_id: str | None
    roles: frozenset[str]
    is_admin: bool
    request_id: str = ""
