"""User names and passwords (RFC 7617), for sites without Keystone."""

import base64
import binascii
import hmac
import logging
import os
import secrets
import time
from collections.abc import Mapping
from functools import partial
from hashlib import blake2b
from pathlib import Path

from glimpse.access import htpasswd
from glimpse.access.beside import Beside
from glimpse.access.caller import Caller, Unauthenticated
from glimpse.access.htpasswd import BrokenFile, User
from glimpse.config import Settings

LOG = logging.getLogger(__name__)

CHALLENGE = 'Basic realm="Image service", charset="UTF-8"'
# Whoever changes a password expects it to hold without a restart. A look at two files costs 5 us.
RELOAD_SECONDS = 2.0
# A hash at cost 12 takes 0.25 s of a processor, so a flood of wrong passwords must leave processors to others, and
# who waits behind 16 of them gets an answer within seconds. Users who are known are not kept waiting.
THREADS = max(1, (os.cpu_count() or 1) // 2)
WAITING = 16
# bcrypt looks at no more.
LONGEST_PASSWORD = 72


class HttpBasic:
    """Authenticates by ``Authorization: Basic …`` against an htpasswd file.

    A password that was right is remembered as a hash under a key of this process, for as long as the user's line
    in the file stays the same: bcrypt runs once for a user and process, not for each request.
    """

    def __init__(self, settings: Settings) -> None:
        """Raises BrokenFile."""
        named = settings.glimpse
        passwords = settings.find_file(named.http_basic_user_file)
        if passwords is None:
            raise BrokenFile(
                f"[glimpse] http_basic_user_file: there is no {named.http_basic_user_file} beside the configuration",
                hint="htpasswd -B -c FILE USER makes one.",
            )
        self._passwords = passwords
        self._roles = passwords.parent / named.http_basic_role_file
        self._has_roles = self._roles.exists()
        self._key = secrets.token_bytes(32)
        self._right: dict[str, tuple[bytes, bytes]] = {}
        self._beside: Beside[bool] = Beside("http-basic", threads=THREADS, waiting=WAITING)
        self._stamp = self._times()
        self._checked_at = time.monotonic()
        self._users: Mapping[str, User] = {}
        self._nobody = b""
        self._read()

    async def authenticate(self, headers: Mapping[str, str], method: str, path: str) -> Caller:
        """As :class:`glimpse.access.authenticator.Authenticator` has it."""
        name, password = _credentials(headers.get("authorization"))
        if time.monotonic() - self._checked_at > RELOAD_SECONDS:
            self._reload()
        user = self._users.get(name)
        hash = self._nobody if user is None else user.hash
        seal = blake2b(f"{name}\0{password}".encode(), key=self._key).digest()
        right = self._right.get(name)
        if right is None or right[0] != hash or not hmac.compare_digest(right[1], seal):
            good = await self._beside.once((seal, hash), partial(_is_right, password, hash))
            # Someone who is not there costs as much time as a wrong password.
            if user is None or not good:
                raise _refused()
            self._right[name] = hash, seal
        assert user is not None
        return Caller(user.name, user.project, user.roles, "admin" in user.roles)

    def close(self) -> None:
        """As :class:`glimpse.access.authenticator.Authenticator` has it."""
        self._beside.close()

    def _reload(self) -> None:
        self._checked_at = time.monotonic()
        stamp = self._times()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._read()
        except BrokenFile as error:
            LOG.error("%s; the users read before stay in force", error.message)

    def _read(self) -> None:
        import bcrypt

        # Once there, it is missed when it goes: everybody would become a member of something else.
        self._has_roles = self._has_roles or self._roles.exists()
        self._users = htpasswd.read(self._passwords, self._roles if self._has_roles else None)
        self._right = {name: right for name, right in self._right.items() if name in self._users}
        cost = max((int(user.hash[4:6]) for user in self._users.values()), default=htpasswd.COSTS[0])
        # A salt of the same cost, then what no password leads to.
        self._nobody = bcrypt.gensalt(cost) + b"." * 31

    def _times(self) -> list[tuple[int, int, int] | None]:
        return [_time(path) for path in (self._passwords, self._roles)]


def _time(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _credentials(header: str | None) -> tuple[str, str]:
    if not header:
        raise Unauthenticated("A user name and a password are needed.", challenge=CHALLENGE, offered=False)
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise _refused()
    try:
        name, colon, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise _refused() from None
    if not colon or "\0" in password:
        raise _refused()
    return name, password


def _is_right(password: str, hash: bytes) -> bool:
    import bcrypt

    return bcrypt.checkpw(password.encode()[:LONGEST_PASSWORD], hash)


def _refused() -> Unauthenticated:
    return Unauthenticated("The user name or the password is wrong.", challenge=CHALLENGE)
