"""Whom the service believes to be the server that a URL names."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from glimpse.testing.authority import Authority
from glimpse.testing.httpserver import Reply
from tests.integration.fetching.conftest import Listen
from tests.integration.fetching.world import DATA, GOOD, Walled, import_from, refused_import
from tests.servers.internet import Internet
from tests.servers.nameserver import NameServer, at

NAME = "tls.example"
URL = f"https://{NAME}/disk"


@pytest.fixture(autouse=True)
def named(names: NameServer) -> None:
    names.names[NAME] = at(GOOD)


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that the service knows nothing of."""
    return Authority(tmp_path_factory.mktemp("stranger"))


def test_a_private_authority_that_the_system_trusts_is_enough(
    service: Walled, serve: Listen, authority: Authority
) -> None:
    serve({"/disk": Reply(DATA)}, port=443, tls=authority.server([f"DNS:{NAME}"]))
    image_id, record = import_from(service, URL)
    assert record["status"] == "success", record
    assert service.http.get(f"/v2/images/{image_id}/file").content == DATA


def self_signed(directory: Path) -> ssl.SSLContext:
    key, certificate = directory / "own.key", directory / "own.pem"
    new = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    subprocess.run(
        [
            *new,
            "-addext",
            f"subjectAltName=DNS:{NAME}",
            "-subj",
            "/CN=x",
            "-keyout",
            key,
            "-out",
            certificate,
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def outdated(authority: Authority) -> ssl.SSLContext:
    """A server that speaks TLS 1.0 and nothing newer."""
    context = authority.server([f"DNS:{NAME}"])
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
    return context


BAD: dict[str, tuple[Callable[[Authority, Authority, Path], ssl.SSLContext], str]] = {
    "another name": (
        lambda ours, _, __: ours.server(["DNS:other.example"]),
        f"The certificate of {NAME} is not valid: Hostname mismatch",
    ),
    "a name above": (
        lambda ours, _, __: ours.server(["DNS:example"]),
        f"The certificate of {NAME} is not valid: Hostname mismatch",
    ),
    "all names of all": (
        lambda ours, _, __: ours.server(["DNS:*"]),
        f"The certificate of {NAME} is not valid: Hostname mismatch",
    ),
    "an address only": (
        lambda ours, _, __: ours.server([f"IP:{GOOD}"]),
        f"The certificate of {NAME} is not valid: Hostname mismatch",
    ),
    "expired": (
        lambda ours, _, __: ours.server([f"DNS:{NAME}"], expired=True),
        f"The certificate of {NAME} is not valid: certificate has expired",
    ),
    "signed by itself": (
        lambda _, __, directory: self_signed(directory),
        f"The certificate of {NAME} is not valid: self-signed certificate",
    ),
    "an unknown authority": (
        lambda _, stranger, __: stranger.server([f"DNS:{NAME}"]),
        f"The certificate of {NAME} is not valid: unable to get local issuer certificate",
    ),
    "TLS 1.0": (lambda ours, _, __: outdated(ours), f"No TLS connection to {NAME}: "),
}


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_server_that_is_not_proved_to_be_it_is_not_asked(
    service: Walled, serve: Listen, authority: Authority, stranger: Authority, tmp_path: Path, kind: str
) -> None:
    make, why = BAD[kind]
    server = serve({"/disk": Reply(DATA)}, port=443, tls=make(authority, stranger, tmp_path))
    assert refused_import(service, URL).startswith(why)
    assert server.requests == []


def test_a_redirect_to_a_server_that_is_not_proved_to_be_it_fails(
    service: Walled, serve: Listen, stranger: Authority
) -> None:
    serve({"/old": Reply(redirect=URL)})
    far = serve({"/disk": Reply(DATA)}, port=443, tls=stranger.server([f"DNS:{NAME}"]))
    assert f"The certificate of {NAME} is not valid" in refused_import(service, f"http://{GOOD}/old")
    assert far.requests == []


@contextmanager
def answering(listener: socket.socket, work: Callable[[socket.socket], None]) -> Iterator[None]:
    """Does something to each connection."""

    def run() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                work(connection)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        listener.close()


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("cut before", "closed during the TLS handshake"),
        ("cut within", "closed during the TLS handshake"),
        ("silent", "no connection within 4 seconds"),
        ("plain", f"No TLS connection to {NAME}: "),
    ],
)
def test_a_handshake_that_does_not_end_well_fails_the_import(
    service: Walled, internet: Internet, kind: str, why: str
) -> None:
    ended = threading.Event()

    def work(connection: socket.socket) -> None:
        hello = connection.recv(4096)
        assert hello[:1] == b"\x16"
        if kind == "cut within":
            # The head of a ServerHello that promises 122 bytes.
            connection.sendall(bytes.fromhex("160303007a0200007603031234"))
        elif kind == "silent":
            ended.wait(30)
        elif kind == "plain":
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with ExitStack() as stack:
        stack.enter_context(answering(internet.listen(GOOD, 443), work))
        stack.callback(ended.set)
        assert why in refused_import(service, URL)


def test_what_is_cut_without_a_goodbye_is_no_image(
    service: Walled, serve: Listen, authority: Authority
) -> None:
    """Without an announced length, whoever can cut a connection could cut the image."""
    reply = Reply(DATA, announce=-1, truncate_after=50_000)
    serve({"/disk": reply}, port=443, tls=authority.server([f"DNS:{NAME}"]))
    assert "was lost after 50000 bytes" in refused_import(service, URL)


class TestStore:
    """The http store has a file of authorities of its own, in its section."""

    @pytest.fixture(scope="class")
    def trusting(
        self,
        internet: Internet,
        authority: Authority,
        stranger: Authority,
        tmp_path_factory: pytest.TempPathFactory,
    ) -> Iterator[Walled]:
        overrides = {"web.https_ca_certificates_file": str(stranger.certificate)}
        directory = tmp_path_factory.mktemp("trusting") / "data"
        with Walled(internet, authority.certificate, directory, overrides) as running:
            running.conduct()
            yield running

    def test_it_trusts_those_authorities_and_no_others(
        self, trusting: Walled, serve: Listen, authority: Authority, stranger: Authority
    ) -> None:
        serve({"/disk": Reply(DATA, ranges=True)}, port=443, tls=stranger.server([f"DNS:{NAME}"]))
        image_id = trusting.create()
        assert trusting.http.post(f"/v2/images/{image_id}/locations", json={"url": URL}).status_code == 202
        assert trusting.ended(image_id)["status"] == "success"
        assert trusting.http.get(f"/v2/images/{image_id}/file").content == DATA

    def test_without_them_it_trusts_those_of_the_system(
        self, service: Walled, serve: Listen, stranger: Authority
    ) -> None:
        serve({"/disk": Reply(DATA, ranges=True)}, port=443, tls=stranger.server([f"DNS:{NAME}"]))
        image_id = service.create()
        assert service.http.post(f"/v2/images/{image_id}/locations", json={"url": URL}).status_code == 202
        record = service.ended(image_id)
        assert record["status"] == "failure"
        assert f"The certificate of {NAME} is not valid" in str(record["message"])
