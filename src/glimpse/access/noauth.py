"""No authentication: everybody is admin, and a token that names a user is taken at its word.

For trying the service out on one machine. The service binds to loopback while this is in use.
"""

from collections.abc import Collection, Mapping
from urllib.parse import unquote

from glimpse.access.caller import Caller, Unauthenticated

# What a fresh Keystone says of its own roles: a token that has one on the left also has those on the right.
IMPLIED = {
    "admin": frozenset({"manager", "member", "reader"}),
    "manager": frozenset({"member", "reader"}),
    "member": frozenset({"reader"}),
}

EVERYBODY = Caller(
    user_id=None, project_id=None, roles=frozenset({"admin", "member", "reader"}), is_admin=True
)


def with_implied(roles: Collection[str]) -> frozenset[str]:
    """These roles and those that they bring."""
    return frozenset(roles).union(*(IMPLIED.get(role, frozenset()) for role in roles))


class NoAuth:
    """Makes a caller of the header ``X-Auth-Token: user:project:role[,role…]``."""

    async def authenticate(self, headers: Mapping[str, str], method: str, path: str) -> Caller:
        """As :class:`glimpse.access.authenticator.Authenticator` has it.

        Without a token that is an admin without a project, and likewise with a token that names nobody:
        OpenStack's clients send a word (``notused``) where they are told not to authenticate. Raises
        :class:`Unauthenticated` for a token that tries to name somebody and has not the form.
        """
        # glanceclient quotes what it sends in headers.
        token = unquote(headers.get("x-auth-token", ""))
        if ":" not in token:
            return EVERYBODY
        user, project, named = self._parse(token)
        roles = with_implied(named)
        return Caller(user_id=user, project_id=project, roles=roles, is_admin="admin" in roles)

    def close(self) -> None:
        """Nothing runs."""

    @staticmethod
    def _parse(token: str) -> tuple[str, str, list[str]]:
        parts = token.split(":")
        if len(parts) == 3 and parts[0].strip() and parts[1].strip():
            roles = [role.strip().lower() for role in parts[2].split(",")]
            if all(roles):
                return parts[0].strip(), parts[1].strip(), roles
        raise Unauthenticated(
            "The token has not the form user:project:role[,role…].",
            hint="This service runs without authentication; leave X-Auth-Token out to act as admin.",
        )
