"""TLS by the service itself: real handshakes, what is too old, who has no certificate, new certificates."""

import shutil
import signal
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from glimpse.cli.serve import answers, greets
from tests.integration.api.service import BYTES, Api
from tests.integration.edge.certificates import authority, certified


class TlsApi(Api):
    """A service that speaks TLS with what ``house`` has signed; we are the client called ``friend``."""

    scheme = "https"

    def client(self) -> httpx.Client:
        """One that knows the authority, and shows a certificate of its own."""
        return httpx.Client(base_url=self.url, timeout=30, verify=context(self.data.parent))


def context(directory: Path, *, shown: str | None = "friend") -> ssl.SSLContext:
    """What a client checks with, and shows."""
    made = ssl.create_default_context(cafile=directory / "house.pem")
    if shown is not None:
        made.load_cert_chain(directory / f"{shown}.pem", directory / f"{shown}.key")
    return made


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with an authority, what it has signed, and a stranger."""
    directory = tmp_path_factory.mktemp("tls")
    for name in ("house", "elsewhere"):
        authority(directory, name)
    for name, by in (("service", "house"), ("friend", "house"), ("stranger", "elsewhere")):
        certified(directory, name, by)
    return directory


def options(place: Path) -> dict[str, object]:
    return {"DEFAULT.cert_file": str(place / "service.pem"), "DEFAULT.key_file": str(place / "service.key")}


@pytest.fixture(scope="module")
def service(place: Path) -> Iterator[TlsApi]:
    with TlsApi(place / "data", options(place)) as running:
        yield running


def shake(port: int, with_: ssl.SSLContext) -> tuple[str | None, str]:
    """The version that was agreed on, and what the service says of who it is."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=30) as connection,
        with_.wrap_socket(connection, server_hostname="localhost") as secure,
    ):
        secure.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert secure.recv(12) == b"HTTP/1.0 300"
        return secure.version(), ssl.DER_cert_to_PEM_cert(secure.getpeercert(binary_form=True) or b"")


def test_images_go_through_it(service: TlsApi) -> None:
    data = bytes(range(256)) * 8192
    image = service.create()
    assert service.http.put(f"/v2/images/{image}/file", content=data, headers=BYTES).status_code == 204
    assert service.http.get(f"/v2/images/{image}/file").content == data
    created = service.http.post("/v2/images", json={})
    assert created.headers["location"].startswith(f"{service.url}/v2/images/")


@pytest.mark.parametrize(
    ("version", "agreed"),
    [(ssl.TLSVersion.TLSv1_3, "TLSv1.3"), (ssl.TLSVersion.TLSv1_2, "TLSv1.2")],
)
def test_current_versions_are_spoken(
    service: TlsApi, place: Path, version: ssl.TLSVersion, agreed: str
) -> None:
    client = context(place)
    client.minimum_version = client.maximum_version = version
    assert shake(service.port, client)[0] == agreed


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_old_versions_are_refused(service: TlsApi, version: str) -> None:
    command = [
        "openssl",
        "s_client",
        version,
        "-cipher",
        "ALL:@SECLEVEL=0",
        "-connect",
        f"127.0.0.1:{service.port}",
    ]
    said = subprocess.run(command, input="", capture_output=True, text=True, check=False)
    assert said.returncode != 0
    assert "SSL alert number" in said.stderr, "it is the service that refuses"


def test_weak_ciphers_are_refused(service: TlsApi) -> None:
    command = ["openssl", "s_client", "-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0", "-connect"]
    said = subprocess.run([*command, f"127.0.0.1:{service.port}"], input="", capture_output=True, text=True)
    assert said.returncode != 0
    assert "SSL alert number" in said.stderr


def test_who_speaks_no_tls_is_not_answered(service: TlsApi) -> None:
    with pytest.raises(httpx.HTTPError):
        httpx.get(f"http://127.0.0.1:{service.port}/", timeout=30)
    assert not answers("127.0.0.1", service.port)
    assert greets("127.0.0.1", service.port)


def test_a_handshake_that_does_not_go_on_is_not_waited_for(service: TlsApi) -> None:
    # The server's own ten seconds.
    with ExitStack() as stack:
        clients = []
        for said in (b"", b"\x16\x03\x01\x02\x00\x01"):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", service.port), timeout=30))
            client.sendall(said)
            clients.append(client)
        assert [client.recv(1) for client in clients] == [b"", b""]


def test_only_friends_are_let_in_and_only_with_the_newest_version(place: Path) -> None:
    wanted = {"DEFAULT.ca_file": str(place / "house.pem"), "DEFAULT.tls_minimum_version": "1.3"}
    with TlsApi(place / "data", {**options(place), **wanted}) as closed:
        assert shake(closed.port, context(place))[0] == "TLSv1.3"
        assert greets("127.0.0.1", closed.port), "who supervises has no certificate"
        for shown in (None, "stranger"):
            with pytest.raises(OSError, match=r"certificate required|unknown ca|decrypt error|reset"):
                shake(closed.port, context(place, shown=shown))
        old = context(place)
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(ssl.SSLError):
            shake(closed.port, old)


def test_a_signal_brings_new_certificates_but_not_broken_ones(place: Path) -> None:
    for name in ("service.pem", "service.key"):
        shutil.copy(place / name, place / f"now-{name}")
    now = {
        "DEFAULT.cert_file": str(place / "now-service.pem"),
        "DEFAULT.key_file": str(place / "now-service.key"),
    }
    with TlsApi(place / "data", now) as service:
        before = (place / "now-service.pem").read_text()
        assert shake(service.port, context(place))[1] == before
        (worker,) = service.workers()

        new = certified(place, "next", "house")
        shutil.copy(new[0], place / "now-service.pem")
        service.process.send_signal(signal.SIGHUP)
        service.wait(lambda: "Nothing is reloaded: [DEFAULT] key_file" in service.log.read_text())
        assert [each.pid for each in service.workers()] == [worker.pid]
        assert shake(service.port, context(place))[1] == before

        shutil.copy(new[1], place / "now-service.key")
        service.process.send_signal(signal.SIGHUP)
        worker.wait(60)
        service.wait(service._answers)
        assert shake(service.port, context(place))[1] == new[0].read_text()
