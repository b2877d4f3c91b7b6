"""A real Keystone for tests: SQLite, Fernet tokens, and a few people (:mod:`tests.servers.identity`)."""

import signal
import sys
from pathlib import Path

from tests.servers.identity import Identity, password
from tests.servers.process import ServerFailed
from tests.servers.server import Server

# Nothing of what is tested needs a strong hash.
CONFIGURATION = """\
[DEFAULT]
use_stderr = true
[database]
connection = sqlite:///{directory}/keystone.db?timeout=60
[token]
expiration = {expiration}
[fernet_tokens]
key_repository = {directory}/fernet
[fernet_receipts]
key_repository = {directory}/fernet
[credential]
key_repository = {directory}/credential
[identity]
password_hash_rounds = 4
"""


class Keystone(Server):
    """From its published package, started by :mod:`tests.servers.keystone_process`."""

    name = "keystone"
    quick = signal.SIGKILL
    orderly = signal.SIGTERM
    as_substitute = False

    def install(self) -> None:
        """Its configuration; the process makes the rest when it is started for the first time."""
        self.configure()

    def configure(self, expiration: int = 3600) -> None:
        """Let tokens made after the next start live for so many seconds."""
        text = CONFIGURATION.format(directory=self.directory, expiration=expiration)
        (self.directory / "keystone.conf").write_text(text)

    def command(self) -> list[str | Path]:
        """In its own environment: it brings eventlet, which changes how other libraries behave."""
        python = Path(f"{sys.prefix}-keystone") / "bin" / "python"
        if not python.exists():
            raise ServerFailed(f"Keystone is not installed in {python.parents[1]}; scripts/setup dev does it")
        return [
            *(python, Path(__file__).with_name("keystone_process.py")),
            *(self.directory, str(self.port)),
        ]

    def url(self) -> str:
        """Its version 3."""
        return f"http://127.0.0.1:{self.port}/v3"

    def _answers(self) -> bool:
        try:
            Identity(self.url()).call("GET", "")
        except OSError:
            return False
        return True


def authtoken(url: str, **more: object) -> str:
    """The section ``[keystone_authtoken]`` of a service that validates tokens at this Keystone."""
    options = {
        "www_authenticate_uri": url,
        "auth_url": url,
        "auth_type": "password",
        "username": "glance",
        "password": password("glance"),
        "project_name": "service",
        "user_domain_name": "Default",
        "project_domain_name": "Default",
        **more,
    }
    return "[keystone_authtoken]\n" + "".join(f"{name} = {value}\n" for name, value in options.items())
