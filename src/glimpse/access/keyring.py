"""The keys of this installation, with which secrets are encrypted before they are kept.

A file of lines, each the base64 of 32 bytes (``openssl rand -base64 32`` writes one); lines that begin with ``#`` mean
nothing. The first key encrypts, every key decrypts. The file is read each time it is needed, which is seldom, so that
a changed one holds without a restart.
"""

import base64
import binascii
import contextlib
import logging
import os
import secrets
import stat
from hashlib import blake2b
from pathlib import Path

from glimpse.config import Settings
from glimpse.errors import Unavailable

LOG = logging.getLogger(__name__)

KEY_BYTES = 32
HEAD = "# Keys of this Image service: whoever reads them can read the secrets in its database.\n"
OPTION = "[glimpse] key_ring"


class KeyRingUnusable(Unavailable):
    """What is to be kept cannot be encrypted, or what was kept cannot be read, before an operator mends the key ring."""

    code = "key-ring"


class KeyRing:
    """The keys in the file at ``path``."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @classmethod
    def of(cls, settings: Settings) -> "KeyRing":
        """The one that the configuration names."""
        return cls(settings.data / settings.glimpse.key_ring)

    def seal(self, plain: bytes) -> str:
        """``plain`` encrypted, with a word before it that tells which key reads it.

        The first to do so makes the file, where there is none. Raises KeyRingUnusable.
        """
        from cryptography.fernet import Fernet  # 20 ms, and most processes never need it.

        if not self._path.exists():
            self._make()
        name, key = next(iter(self._read().items()))
        return f"{name}:{Fernet(key).encrypt(plain).decode()}"

    def open(self, sealed: str) -> bytes:
        """What :meth:`seal` was given, here or on another host. Raises KeyRingUnusable."""
        from cryptography.fernet import Fernet, InvalidToken

        name, _, token = sealed.partition(":")
        keys = self._read()
        if name not in keys:
            raise KeyRingUnusable(
                f"Secrets were encrypted with key {name}, which is not in the key ring {self._path} of this host.",
                hint=f"All hosts that share a database need the same key ring: copy it here ({OPTION}), or put back "
                "the line that was taken out too early.",
            )
        try:
            return Fernet(keys[name]).decrypt(token)
        except InvalidToken as error:
            raise KeyRingUnusable(f"What was encrypted with key {name} has been changed since.") from error

    def _read(self) -> dict[str, bytes]:
        """The keys by their names, in the order of the file."""
        try:
            lines = self._path.read_text("ascii").splitlines()
            if self._path.stat().st_mode & stat.S_IROTH:
                LOG.warning(
                    "The key ring %s can be read by every user of this host: chmod 600 it.", self._path
                )
        except FileNotFoundError:
            raise KeyRingUnusable(
                f"There is no key ring {self._path} on this host.",
                hint=f"Copy it from the host of the api processes, or name it in {OPTION}.",
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            raise KeyRingUnusable(
                f"The key ring {self._path} cannot be read: {why}.",
                hint="It must belong to this service's user.",
            ) from error
        keys = {}
        for number, line in enumerate(lines, 1):
            if line.strip() and not line.startswith("#"):
                key = self._key(number, line.strip())
                keys[_name(key)] = key
        if not keys:
            raise KeyRingUnusable(
                f"The key ring {self._path} has no key.", hint="openssl rand -base64 32 writes one."
            )
        return keys

    def _key(self, number: int, line: str) -> bytes:
        try:
            raw = base64.b64decode(line.replace("-", "+").replace("_", "/"), validate=True)
        except binascii.Error:
            raw = b""
        if len(raw) != KEY_BYTES:
            raise KeyRingUnusable(
                f"{self._path}:{number}: is no key; a key is the base64 of {KEY_BYTES} bytes.",
                hint="openssl rand -base64 32 writes one.",
            )
        return base64.urlsafe_b64encode(raw)

    def _make(self) -> None:
        """Make the file with one key, whole or not at all; where others do the same, one of them wins."""
        key = base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode()
        draft = self._path.with_name(f".{self._path.name}.{secrets.token_hex(8)}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                with os.fdopen(descriptor, "w") as file:
                    file.write(f"{HEAD}{key}\n")
                    file.flush()
                    os.fsync(descriptor)
                with contextlib.suppress(FileExistsError):
                    os.link(draft, self._path)
            finally:
                draft.unlink()
        except OSError as error:
            raise KeyRingUnusable(
                f"The key ring {self._path} cannot be made: {error.strerror}.",
                hint=f"Let this service write there, or make it elsewhere and name it in {OPTION}.",
            ) from error


def _name(key: bytes) -> str:
    """By what a key is called in messages and before what it has encrypted; it tells nothing about the key."""
    return blake2b(key, digest_size=4).hexdigest()
