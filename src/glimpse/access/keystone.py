"""Tokens of Keystone.

What keystonemiddleware found out about a token is remembered here for a few seconds, so that a request with a
token that was seen a moment ago costs no thread and no memcached. The middleware's own cache is told to keep a
token for that much less, so that together they keep it no longer than ``token_cache_time`` says: a revoked token
is refused as early as it would be with the middleware alone.
"""

import time
from collections.abc import Mapping
from functools import partial

from glimpse.access.auth_token import AuthToken, Validated, challenge
from glimpse.access.beside import Beside
from glimpse.access.caller import Caller, Unauthenticated
from glimpse.config import Settings

# A client that lists, shows and downloads asks several times in a second; every five seconds one of its requests
# costs the 1 to 2 ms of the middleware again.
LIFE_SECONDS = 5
# Who sets a shorter time wants revocation to hold soon, and gets nothing of ours in between.
LEAST_CACHE_TIME = 30
# Callers with their catalogues of services take up to 20 KiB each.
REMEMBERED = 1000
# Threads wait for Keystone and memcached; keystonemiddleware holds at most ten connections.
THREADS = 8
WAITING = 1000
# Longer ones exist nowhere: Fernet and JWS tokens take 200 to 1,000.
LONGEST_TOKEN = 16_384


class Keystone:
    """Authenticates by ``X-Auth-Token``, and by ``X-Service-Token`` where a service hands a request on."""

    def __init__(self, settings: Settings) -> None:
        """Raises Invalid where ``[keystone_authtoken]`` cannot be used."""
        options = settings.keystone_authtoken
        keep = options.token_cache_time
        # To the middleware zero is for ever, and less is not at all.
        self._life = LIFE_SECONDS if keep == 0 or keep >= LEAST_CACHE_TIME else 0
        self._auth_token = AuthToken(settings, cache_seconds=keep - self._life if keep > 0 else keep)
        self._challenge = challenge(options)
        self._known: dict[tuple[str, str | None], tuple[float, Caller]] = {}
        self._beside: Beside[Validated] = Beside("keystone", threads=THREADS, waiting=WAITING)

    async def authenticate(self, headers: Mapping[str, str], method: str, path: str) -> Caller:
        """As :class:`glimpse.access.authenticator.Authenticator` has it."""
        token = headers.get("x-auth-token")
        if not token:
            raise Unauthenticated(
                "A token of Keystone is needed, in the header X-Auth-Token.",
                challenge=self._challenge,
                offered=False,
            )
        key = token, headers.get("x-service-token")
        known = self._known.get(key)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        if not all(_is_one(each) for each in key if each is not None):
            raise Unauthenticated("This is no token of Keystone.", challenge=self._challenge)
        # Method and path are part of it: some tokens are for certain requests only.
        found = await self._beside.once(
            (*key, method, path), partial(self._auth_token.validate, *key, method, path)
        )
        self._remember(key, found)
        return found.caller

    def _remember(self, key: tuple[str, str | None], found: Validated) -> None:
        life = min(self._life, found.lasts)
        # Put at the end anew, so that the oldest come first.
        self._known.pop(key, None)
        if life > 0:
            self._known[key] = time.monotonic() + life, found.caller
        while len(self._known) > REMEMBERED:
            del self._known[next(iter(self._known))]

    def close(self) -> None:
        """As :class:`glimpse.access.authenticator.Authenticator` has it."""
        self._beside.close()


def _is_one(token: str) -> bool:
    return len(token) <= LONGEST_TOKEN and token.isascii() and token.isprintable()
