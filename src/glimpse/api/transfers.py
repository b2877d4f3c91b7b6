"""How many uploads and downloads one client has under way, so that none can take all there is."""

import re
from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

from starlette.types import Scope

from glimpse.access.caller import Caller
from glimpse.api import proxies
from glimpse.api.errors import HttpError

# A transfer that was begun ends in seconds or in hours; to ask again costs next to nothing.
RETRY_SECONDS = 5
# The whole path: a tag or a member may be called "file" as well.
_DATA = re.compile(r"/v2/images/[^/]+/(?:file|stage)")


class Transfers:
    """Those of one process, ``most`` at a time for each client. Used by the event loop only."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._running: Counter[Hashable] = Counter()

    @contextmanager
    def turn(self, caller: Caller, scope: Scope) -> Iterator[None]:
        """Count one more until the block ends. Raises HttpError (429) for one too many."""
        client = _client(caller, scope)
        if self._running[client] >= self._most:
            raise HttpError(
                429,
                f"{self._most} uploads and downloads of yours are under way already.",
                headers={"retry-after": str(RETRY_SECONDS)},
                hint="Wait for one of them.",
            )
        self._running[client] += 1
        try:
            yield
        finally:
            self._running[client] -= 1
            if not self._running[client]:
                del self._running[client]


def moves_data(path: str) -> bool:
    """Whether requests of this path, below ``/v2``, carry the data of images."""
    return _DATA.fullmatch(path) is not None


def _client(caller: Caller, scope: Scope) -> Hashable:
    """Whose transfers are counted together: those of a project, since a project has as many users as it likes."""
    return (caller.project_id,) if caller.project_id else proxies.client(scope)
