"""The signature of an image: what its properties say, whose key it is, and whether data matches.

Four properties of an image make it a signed one. What is signed is the image as it is stored, so that whoever
downloads it can verify it again. Only a digest of the data is needed, and that is computed with the others while the
bytes pass.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from glimpse.errors import Invalid

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

VALUE = "img_signature"
METHOD = "img_signature_hash_method"
KEY_TYPE = "img_signature_key_type"
CERTIFICATE = "img_signature_certificate_uuid"
PROPERTIES = (VALUE, METHOD, KEY_TYPE, CERTIFICATE)

# By their names in properties, as hashlib knows them.
METHODS: Mapping[str, str] = {
    "SHA-224": "sha224",
    "SHA-256": "sha256",
    "SHA-384": "sha384",
    "SHA-512": "sha512",
}
CURVES: Mapping[str, str] = {"ECC_SECP384R1": "secp384r1", "ECC_SECP521R1": "secp521r1"}
KEY_TYPES = ("RSA-PSS", "DSA", *CURVES)
# With one and without hyphens, as Barbican and Vault make them. Nothing else may get into the address of a secret.
UUID = re.compile(r"[0-9a-f]{8}(-?)[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{12}", re.IGNORECASE)


class BadSignature(Invalid):
    """The signature cannot be verified with what is said of it, or the data does not match."""

    code = "bad-signature"


@dataclass(frozen=True, slots=True)
class Signed:
    """What the properties of a signed image say; ``certificate`` is known to the key manager by this id."""

    value: bytes
    method: str
    key_type: str
    certificate: str


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature with all that is needed to verify it. The certificate (DER or PEM) is as good as it was just now."""

    said: Signed
    certificate: bytes

    @property
    def algorithm(self) -> str:
        """The digest that is signed, as hashlib names it."""
        return METHODS[self.said.method]

    def check(self) -> None:
        """Raise BadSignature where no data at all could match: for the certificate and the type of its key."""
        self._key()

    def verify(self, digests: Mapping[str, str]) -> None:
        """Raise BadSignature unless the data with these digests (hex, by algorithm) is what was signed."""
        from cryptography.exceptions import InvalidSignature

        try:
            _verify(self._key(), self.said, bytes.fromhex(digests[self.algorithm]))
        except (InvalidSignature, ValueError) as error:
            raise BadSignature(
                f"The data does not match {VALUE}: its {self.said.method} digest was not signed with the "
                f"{self.said.key_type} key of certificate {self.said.certificate}.",
                hint="Sign the very bytes that are uploaded, with the key of that certificate.",
            ) from error

    def to_dict(self) -> dict[str, str]:
        """As plain data that JSON can hold."""
        return {
            "value": base64.b64encode(self.said.value).decode(),
            "method": self.said.method,
            "key_type": self.said.key_type,
            "certificate_uuid": self.said.certificate,
            "certificate": base64.b64encode(self.certificate).decode(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, str]) -> "Signature":
        """What :meth:`to_dict` gave."""
        value = base64.b64decode(data["value"])
        said = Signed(value, data["method"], data["key_type"], data["certificate_uuid"])
        return cls(said, base64.b64decode(data["certificate"]))

    def _key(self) -> "CertificatePublicKeyTypes":
        from cryptography.exceptions import UnsupportedAlgorithm

        certificate = self._loaded()
        now = datetime.now(UTC)
        begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        if not begin <= now <= end:
            raise BadSignature(
                f"Certificate {self.said.certificate} is valid from {begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} "
                f"UTC, not now."
            )
        try:
            key = certificate.public_key()
        except (UnsupportedAlgorithm, ValueError) as error:
            raise BadSignature(
                f"The key of certificate {self.said.certificate} cannot be used here: {error}"
            ) from error
        if not _fits(key, self.said.key_type):
            raise BadSignature(f"The key of certificate {self.said.certificate} is not {self.said.key_type}.")
        return key

    def _loaded(self) -> "x509.Certificate":
        from cryptography import x509

        pem = self.certificate.lstrip().startswith(b"-----BEGIN")
        load = x509.load_pem_x509_certificate if pem else x509.load_der_x509_certificate
        try:
            return load(self.certificate)
        except ValueError as error:
            raise BadSignature(
                f"What the key manager has as {self.said.certificate} is not an X.509 certificate."
            ) from error


def said(properties: Mapping[str, str | None]) -> Signed | None:
    """What an image's properties say of its signature; None unless all four are there.

    Raises BadSignature for what cannot be a signature, a hash method, a type of key, or an id of a certificate.
    """
    values = [properties.get(name) for name in PROPERTIES]
    if not all(name in properties for name in PROPERTIES):
        return None
    value, method, key_type, certificate = (each or "" for each in values)
    if method not in METHODS:
        raise BadSignature(
            f"{METHOD} cannot be {method[:100]!r}.", hint=f"It is one of: {', '.join(METHODS)}."
        )
    if key_type not in KEY_TYPES:
        raise BadSignature(
            f"{KEY_TYPE} cannot be {key_type[:100]!r}.", hint=f"It is one of: {', '.join(KEY_TYPES)}."
        )
    if UUID.fullmatch(certificate) is None:
        raise BadSignature(f"{CERTIFICATE} must be a UUID, not {certificate[:100]!r}.")
    try:
        decoded = base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if not decoded:
        raise BadSignature(f"{VALUE} must be base64.")
    return Signed(decoded, method, key_type, certificate)


def algorithm(properties: Mapping[str, str | None]) -> tuple[str, ...]:
    """The digests, none or one, that verifying an image with these properties will need."""
    method = properties.get(METHOD) or ""
    return (METHODS[method],) if method in METHODS and all(name in properties for name in PROPERTIES) else ()


def _fits(key: "CertificatePublicKeyTypes", key_type: str) -> bool:
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa

    if key_type == "RSA-PSS":
        return isinstance(key, rsa.RSAPublicKey)
    if key_type == "DSA":
        return isinstance(key, dsa.DSAPublicKey)
    return isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == CURVES[key_type]


def _verify(key: "CertificatePublicKeyTypes", said: Signed, digest: bytes) -> None:
    """Raise InvalidSignature, or ValueError where the key is too small for the digest."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, padding, rsa, utils

    method: hashes.HashAlgorithm = getattr(hashes, METHODS[said.method].upper())()
    hashed = utils.Prehashed(method)
    if isinstance(key, rsa.RSAPublicKey):
        # OpenSSL's versions differ in the length of the salt that they take where nobody says.
        key.verify(said.value, digest, padding.PSS(padding.MGF1(method), padding.PSS.AUTO), hashed)
    elif isinstance(key, dsa.DSAPublicKey):
        key.verify(said.value, digest, hashed)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(said.value, digest, ec.ECDSA(hashed))
