"""The files that TLS is spoken with: whether they are there, and belong together."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from glimpse.config.options.default import Default
from glimpse.errors import Invalid


@dataclass(frozen=True, slots=True)
class Tls:
    """What the server shows, and which clients it wants to see the certificate of."""

    certificate: Path
    key: Path
    authorities: Path | None
    """Whose certificates a client must have; None: a client needs none."""


def of(default: Default) -> Tls | None:
    """What the options ask for; None where no certificate is named. Raises Invalid for files that cannot work,
    with the option that names them.
    """
    if default.cert_file is None and default.key_file is None:
        if default.ca_file is not None:
            raise Invalid(
                "[DEFAULT] ca_file is set, but the service speaks no TLS",
                hint="Set cert_file and key_file as well, or take ca_file away.",
            )
        return None
    for named, other in (("cert_file", "key_file"), ("key_file", "cert_file")):
        if getattr(default, named) is None:
            raise Invalid(
                f"[DEFAULT] {named} is missing: {other} alone is not enough for TLS",
                hint="Set both, or neither where a proxy speaks TLS.",
            )
    found = Tls(
        _readable("cert_file", default.cert_file),
        _readable("key_file", default.key_file),
        None if default.ca_file is None else _readable("ca_file", default.ca_file),
    )
    _check(found)
    return found


def _readable(option: str, name: str | None) -> Path:
    path = Path(name or "")
    try:
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        raise Invalid(f"[DEFAULT] {option}: {path} cannot be read ({error.strerror})") from error
    return path.absolute()


def _check(files: Tls) -> None:
    # What the server is given later refuses the same files, but in each worker, and without saying which.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # An empty password, since without one OpenSSL asks for it on the terminal.
        context.load_cert_chain(files.certificate, files.key, password="")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            problem = f"key_file: {files.key} is not the key of the certificate in {files.certificate}"
        elif _has_certificate(files.certificate):
            problem = f"key_file: {files.key} holds no private key in PEM that is readable without a password"
        else:
            problem = f"cert_file: {files.certificate} holds no certificate in PEM"
        raise Invalid(f"[DEFAULT] {problem}") from error
    if files.authorities is not None and not _has_certificate(files.authorities):
        raise Invalid(f"[DEFAULT] ca_file: {files.authorities} holds no certificate in PEM")


def _has_certificate(path: Path) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(path)
    except ssl.SSLError:
        return False
    return True
