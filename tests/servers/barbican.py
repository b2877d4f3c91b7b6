"""A real Barbican for tests, which believes a Keystone of :mod:`tests.servers.keystone`."""

import base64
import os
import signal
import sys
import urllib.error
from pathlib import Path

from tests.servers.identity import Identity
from tests.servers.process import ServerFailed
from tests.servers.server import Server

CONFIGURATION = """\
[DEFAULT]
host_href = {url}
[database]
connection = sqlite:///{directory}/barbican.db
[queue]
enable = false
[secretstore]
enabled_secretstore_plugins = store_crypto
[crypto]
enabled_crypto_plugins = simple_crypto
[simple_crypto_plugin]
kek = {key}
{authtoken}
"""


class Barbican(Server):
    """From its published package, started by :mod:`tests.servers.barbican_process`. ``authtoken`` is the section of
    its configuration that says how it validates tokens.
    """

    name = "barbican"
    quick = signal.SIGKILL
    orderly = signal.SIGTERM
    as_substitute = False

    def __init__(self, authtoken: str) -> None:
        super().__init__()
        self._authtoken = authtoken

    def install(self) -> None:
        """Its configuration; the process makes the tables when it is started for the first time."""
        key = base64.urlsafe_b64encode(os.urandom(32)).decode()
        text = CONFIGURATION.format(
            url=self.url(), directory=self.directory, key=key, authtoken=self._authtoken
        )
        (self.directory / "barbican.conf").write_text(text)

    def command(self) -> list[str | Path]:
        """In Keystone's environment: it brings eventlet, which changes how other libraries behave."""
        python = Path(f"{sys.prefix}-keystone") / "bin" / "python"
        if not python.exists():
            raise ServerFailed(f"Barbican is not installed in {python.parents[1]}; scripts/setup dev does it")
        process = Path(__file__).with_name("barbican_process.py")
        return [python, process, self.directory, str(self.port)]

    def url(self) -> str:
        """Where it is, as Keystone's catalogue has it."""
        return f"http://127.0.0.1:{self.port}"

    def store(self, token: str, payload: bytes, kind: str = "certificate") -> str:
        """The UUID of a new secret of the token's project."""
        secret = {
            "name": "signing",
            "secret_type": kind,
            "payload": base64.b64encode(payload).decode(),
            "payload_content_type": "application/octet-stream",
            "payload_content_encoding": "base64",
        }
        _, made = Identity(self.url(), token).call("POST", "/v1/secrets", secret)
        return str(made["secret_ref"]).rpartition("/")[2]

    @property
    def region(self) -> str:
        """Its own in the catalogue of Keystone, which other Barbicans may share."""
        return f"barbican-{self.port}"

    def publish(self, operator: Identity) -> None:
        """Enter it into the catalogue of Keystone; asked by an administrator."""
        operator.call("POST", "/regions", {"region": {"id": self.region}})
        service = {"type": "key-manager", "name": "barbican"}
        _, made = operator.call("POST", "/services", {"service": service})
        for interface in ("public", "internal"):
            entry = {
                "service_id": made["service"]["id"],
                "interface": interface,
                "url": self.url(),
                "region_id": self.region,
            }
            operator.call("POST", "/endpoints", {"endpoint": entry})

    def _answers(self) -> bool:
        try:
            Identity(self.url()).call("GET", "/v1/secrets")
        except urllib.error.HTTPError as error:
            return error.code == 401
        except OSError:
            return False
        return True
