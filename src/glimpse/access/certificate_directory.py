"""Certificates as files: ``<uuid>.pem`` in a directory of the operator's. For sites without a key manager."""

from pathlib import Path

from glimpse.access.caller import Caller
from glimpse.access.key_manager import NoCertificate
from glimpse.errors import Unavailable

# A certificate takes one to four KiB.
LONGEST = 64 << 10


class CertificateDirectory:
    """Everybody may use every certificate in it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def certificate(self, identifier: str, caller: Caller) -> bytes:
        """As :class:`glimpse.access.key_manager.KeyManager` has it."""
        try:
            with (self._directory / f"{identifier.lower()}.pem").open("rb") as file:
                return file.read(LONGEST)
        except FileNotFoundError:
            raise NoCertificate(f"There is no certificate {identifier}.") from None
        except OSError as error:
            raise Unavailable(f"Certificate {identifier} cannot be read now: {error.strerror}.") from error
