"""A certificate authority of one's own, for servers in tests (made by the ``openssl`` command)."""

import ssl
import subprocess
from collections.abc import Sequence
from itertools import count
from pathlib import Path

_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


class Authority:
    """Signs certificates that only those trust who use :meth:`client`. Its files are in ``directory``."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._numbers = count(1)
        self.certificate = directory / "authority.pem"
        """The certificate to trust."""
        self._key = directory / "authority.key"
        usage = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
        _openssl(
            *("req", "-x509", *_NEW_KEY, "-days", "2", "-subj", "/CN=Glimpse test authority", *usage),
            *("-keyout", str(self._key), "-out", str(self.certificate)),
        )

    def client(self) -> ssl.SSLContext:
        """What a client uses to trust this authority and no other."""
        return ssl.create_default_context(cafile=str(self.certificate))

    def server(self, names: Sequence[str], *, expired: bool = False) -> ssl.SSLContext:
        """What a server uses that is known as ``names`` (``DNS:mirror.example``, ``IP:127.0.0.1``)."""
        number = next(self._numbers)
        key, request, extensions, certificate = (
            self._directory / f"{number}.{kind}" for kind in ("key", "csr", "ext", "pem")
        )
        extensions.write_text(
            f"subjectAltName={','.join(names)}\nbasicConstraints=CA:FALSE\n"
            "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
        )
        _openssl("req", *_NEW_KEY, "-subj", "/CN=server", "-keyout", str(key), "-out", str(request))
        _openssl(
            *("x509", "-req", "-in", str(request), "-CA", str(self.certificate), "-CAkey", str(self._key)),
            *("-days", "-1" if expired else "2", "-extfile", str(extensions), "-out", str(certificate)),
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context


def _openssl(*arguments: str) -> None:
    done = subprocess.run(("openssl", *arguments), capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise RuntimeError(f"openssl {arguments[0]} failed: {done.stderr.strip()}")
