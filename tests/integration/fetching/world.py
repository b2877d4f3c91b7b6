"""A service in an internet of its own, with its default rules of fetching, and what it may find there."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from tests.integration.imports.service import Service
from tests.servers.internet import Internet

# A public address, at which the only server stands that may be fetched from.
GOOD = "93.184.216.34"
GOOD_6 = "2606:2800:220:1::1"
DATA = os.urandom(100_000)

# Nobody must ever go there: a proxy would look names up itself.
PROXY = "http://10.99.99.99:3128"
PROXIES = {
    name: PROXY for each in ("http_proxy", "https_proxy", "all_proxy") for name in (each, each.upper())
}

OPTIONS: Mapping[str, object] = {
    "DEFAULT.enabled_backends": {"main": "file", "web": "http"},
    "glance_store.default_backend": "main",
    "DEFAULT.show_multiple_locations": True,
    # As the service comes, but for what follows: tests do not wait for a minute, and have a network to deny.
    "import_filtering_opts.allowed_hosts": [],
    "import_filtering_opts.allowed_ports": [80, 443],
    "import_filtering_opts.disallowed_hosts": ["denied.example", "93.184.216.99"],
    "import_filtering_opts.disallowed_networks": ["10.66.0.0/16"],
    "DEFAULT.image_size_cap": 64 << 20,
    "DEFAULT.http_retries": 0,
    "glimpse.claim_lease": 30.0,
    "glimpse.upload_lease": 30.0,
    "glimpse.web_connect_timeout": 4.0,
    "glimpse.web_stall_timeout": 2.0,
}


class Walled(Service):
    """A service whose processes live in ``internet`` and trust the authority whose certificate is ``trusted``."""

    def __init__(
        self,
        internet: Internet,
        trusted: Path,
        directory: Path,
        overrides: Mapping[str, object] | None = None,
    ) -> None:
        self.internet = internet
        self._trusted = trusted
        self._published = False
        super().__init__(directory, {**OPTIONS, **(overrides or {})})

    def spawn(
        self, command: Sequence[str], log: BinaryIO, environment: Mapping[str, str] | None = None
    ) -> "subprocess.Popen[bytes]":
        """Start a process in the internet, and make the service reachable from here."""
        if not self._published:
            self.internet.publish(self.port)
            self._published = True
        told = {**(environment or os.environ), **PROXIES, "SSL_CERT_FILE": str(self._trusted)}
        return super().spawn(self.internet.command(command), log, told)

    def dialled(self) -> list[tuple[str, int]]:
        """Where somebody has tried to connect since the last call, but for the test itself."""
        return [place for place in self.internet.watch.dialled() if place != ("127.0.0.1", self.port)]


def import_from(service: Walled, uri: str) -> tuple[str, dict[str, object]]:
    """Import a raw image from there: its id and the record at the end, whatever that is."""
    image_id = service.create()
    assert service.begin(image_id, "web-download", uri=uri) == 202
    return image_id, service.ended(image_id)


def refused_import(service: Walled, uri: str) -> str:
    """What the user is told of an import that fails; nothing of it is left."""
    image_id, record = import_from(service, uri)
    assert record["status"] == "failure", record
    service.wait_queued(image_id)
    error = record["error"]
    assert isinstance(error, dict)
    return str(error["message"])
