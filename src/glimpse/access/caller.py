"""Who makes a request."""

from dataclasses import dataclass, field, replace

from glimpse.access.secret import Secret
from glimpse.errors import GlimpseError


class Unauthenticated(GlimpseError):
    """The request does not say in a way we accept who makes it (HTTP 401).

    ``challenge`` is what ``WWW-Authenticate`` tells the client; ``offered`` whether the request came with
    credentials, which then were not good.
    """

    code = "unauthenticated"

    def __init__(self, message: str, *, hint: str = "", challenge: str = "", offered: bool = True) -> None:
        super().__init__(message, hint=hint)
        self.challenge = challenge
        self.offered = offered


@dataclass(frozen=True, slots=True)
class Caller:
    """A user acting for a project, perhaps through another service.

    ``roles`` and ``service_roles`` are lower case. ``is_admin`` is what the rule ``context_is_admin`` says of
    these roles; a caller without a project owns nothing. ``service_*`` is the service that hands the user's
    request on with a token of its own. ``token`` and ``catalog`` (the services that this token leads to, JSON
    in the form of the header ``X-Service-Catalog``) are for asking another service in the user's name.
    """

    user_id: str | None
    project_id: str | None
    roles: frozenset[str]
    is_admin: bool
    request_id: str = ""
    user_domain_id: str | None = None
    project_domain_id: str | None = None
    service_user_id: str | None = None
    service_project_id: str | None = None
    service_roles: frozenset[str] = frozenset()
    token: Secret | None = field(default=None, repr=False, compare=False)
    catalog: str | None = field(default=None, repr=False, compare=False)

    def asking(self, request_id: str, *, is_admin: bool) -> "Caller":
        """The same caller in one request."""
        return replace(self, request_id=request_id, is_admin=is_admin)
