"""Signs images as their owners do: with keys, certificates and signatures that openssl has made."""

import base64
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path

# How openssl makes a key of each type of ``img_signature_key_type``, and others that fit none of them.
KEYS = {
    "RSA-PSS": ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "ECC_SECP384R1": ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp384r1"],
    "ECC_SECP521R1": ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp521r1"],
    "P-256": ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
    "sect571k1": ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:sect571k1"],
}
AUTHORITY = """\
[ca]
default_ca = own
[own]
database = {directory}/index
rand_serial = yes
new_certs_dir = {directory}
default_md = sha256
policy = any
[any]
commonName = supplied
"""


def openssl(*arguments: str | Path, data: bytes = b"") -> bytes:
    """What openssl writes to its standard output."""
    done = subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@dataclass(frozen=True)
class Signer:
    """A key, and the certificate for it (PEM), which a key manager knows as ``uuid``."""

    key_type: str
    key: Path
    certificate: bytes
    uuid: str

    def sign(self, data: bytes, method: str = "SHA-256", salt: str = "max") -> bytes:
        """openssl's signature of data; ``salt`` is the length of that of RSA-PSS."""
        pss = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", f"rsa_pss_saltlen:{salt}"]
        more = pss if self.key_type == "RSA-PSS" else []
        return openssl("dgst", f"-{method.replace('-', '').lower()}", "-sign", self.key, *more, data=data)

    def properties(self, data: bytes, method: str = "SHA-256") -> dict[str, str]:
        """The properties of an image with this data."""
        return {
            "img_signature": base64.b64encode(self.sign(data, method)).decode(),
            "img_signature_hash_method": method,
            "img_signature_key_type": self.key_type,
            "img_signature_certificate_uuid": self.uuid,
        }

    def store(self, directory: Path) -> None:
        """Put the certificate where a service with key manager ``directory`` finds it."""
        directory.mkdir(parents=True, exist_ok=True)
        (directory / f"{self.uuid}.pem").write_bytes(self.certificate)


def signer(directory: Path, key_type: str = "RSA-PSS", *, begins: str = "", ends: str = "") -> Signer:
    """A new key of this type with a certificate; valid now unless its days (YYMMDD) are given."""
    name = str(uuid.uuid4())
    key = directory / f"{name}.key"
    if key_type == "DSA":
        parameters = directory / "dsa-parameters"
        if not parameters.exists():
            openssl("dsaparam", "-out", parameters, "2048")
        openssl("genpkey", "-paramfile", parameters, "-out", key)
    else:
        openssl(*KEYS[key_type], "-out", key)
    if begins or ends:
        certificate = _dated(directory, key, begins, ends)
    else:
        certificate = openssl("req", "-x509", "-new", "-key", key, "-days", "2", "-subj", "/CN=images")
    return Signer(key_type, key, certificate, name)


def _dated(directory: Path, key: Path, begins: str, ends: str) -> bytes:
    (directory / "index").write_text("")
    configuration = directory / "ca.conf"
    configuration.write_text(AUTHORITY.format(directory=directory))
    request = key.with_suffix(".csr")
    openssl("req", "-new", "-key", key, "-subj", "/CN=images", "-out", request)
    return openssl(
        *("ca", "-batch", "-selfsign", "-config", configuration, "-keyfile", key, "-in", request, "-notext"),
        *("-startdate", f"{begins}000000Z", "-enddate", f"{ends}000000Z"),
    )
