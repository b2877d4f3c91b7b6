"""``allow_anonymous_access``: who is not authenticated may look at what is open to all."""

from collections.abc import Mapping

from glimpse.access.authenticator import Authenticator
from glimpse.access.caller import Caller, Unauthenticated
from glimpse.errors import Forbidden

# A reader without a project: the rules that let readers see public images hold, and nothing is its own. The other
# role is for rules about nobody else.
ANYBODY = Caller(user_id=None, project_id=None, roles=frozenset({"reader", "anonymous"}), is_admin=False)
READS = frozenset({"GET", "HEAD"})


class OrAnonymous:
    """Another kind of authentication, and anybody where it finds nobody.

    Whoever comes without credentials may read and is forbidden the rest. Whoever comes with credentials that
    are not good may read too, but is told so where more is wanted, so that a client renews its token.
    """

    def __init__(self, other: Authenticator) -> None:
        self._other = other

    async def authenticate(self, headers: Mapping[str, str], method: str, path: str) -> Caller:
        """As :class:`Authenticator` has it."""
        try:
            return await self._other.authenticate(headers, method, path)
        except Unauthenticated as error:
            if method in READS:
                return ANYBODY
            if error.offered:
                raise
        raise Forbidden("Without authentication images can only be read.")

    def close(self) -> None:
        """As :class:`Authenticator` has it."""
        self._other.close()
