"""How a request is found out to come from somebody."""

from collections.abc import Mapping
from typing import Protocol

from glimpse.access.caller import Caller


class Authenticator(Protocol):
    """One kind of authentication; made once for a process, used by its event loop only."""

    async def authenticate(self, headers: Mapping[str, str], method: str, path: str) -> Caller:
        """Who makes a request with these headers (lower-case names) of ``method`` on ``path`` (``/v2/…``).

        Only credentials count: identity that a client claims in other headers is not looked at. Raises
        Unauthenticated where the credentials are not good or not there, Forbidden where they cannot be used
        here, and Unavailable where it cannot be told now. A body is never needed.
        """
        ...

    def close(self) -> None:
        """End what runs beside the event loop; nobody authenticates any more."""
        ...
