"""Where the certificates are with which images are signed."""

from typing import Protocol

from glimpse.access.caller import Caller
from glimpse.access.signature import BadSignature, Signature, Signed
from glimpse.config import Settings

DIRECTORY = "directory"


class NoCertificate(BadSignature):
    """There is no such certificate, or none that the caller may have."""

    code = "no-certificate"


class KeyManager(Protocol):
    """Keeps certificates by their ids. Thread-safe."""

    def certificate(self, identifier: str, caller: Caller) -> bytes:
        """The certificate, DER or PEM, with what the caller is allowed. Blocks.

        ``identifier`` is a UUID. Raises NoCertificate, or Unavailable where the key manager does not answer.
        """


def key_manager_of(settings: Settings) -> KeyManager:
    """The key manager that ``[key_manager] backend`` names. Raises Invalid for one that is not there."""
    if settings.key_manager.backend == DIRECTORY:
        from glimpse.access.certificate_directory import CertificateDirectory

        return CertificateDirectory(settings.glimpse.certificate_directory or settings.data / "certificates")
    from glimpse.access.castellan_keys import CastellanKeys

    return CastellanKeys(settings)


def certified(said: Signed, keys: KeyManager, caller: Caller) -> Signature:
    """The signature with its certificate. Raises BadSignature where no data could match it, and Unavailable."""
    signature = Signature(said, keys.certificate(said.certificate, caller))
    signature.check()
    return signature
