"""The http store, read from a real web server that fails on demand."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from glimpse.errors import GlimpseError, Unavailable
from glimpse.stores.base import Registers, Store
from glimpse.stores.errors import BadStoreOption
from glimpse.stores.http import HttpStore
from glimpse.stores.http.remote import Changed, NoRanges
from glimpse.testing.authority import Authority
from glimpse.testing.httpserver import HttpServer, Reply, Request
from glimpse.testing.store_suite import ReadOnlyStoreSuite, content
from glimpse.transfer.sources.failures import SourceRefused, SourceUnavailable
from glimpse.transfer.sources.rules import UriRefused

MIB = 1 << 20
LOOPBACK: Mapping[str, object] = {
    "allowed_hosts": ("127.0.0.1",),
    "allowed_ports": (),
    "web_connect_timeout": 5.0,
    "web_stall_timeout": 1.0,
}
DATA = os.urandom(3 * MIB + 5)
TAGGED = {"ETag": '"one"'}


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer() as running:
        yield running


@pytest.fixture
def store() -> HttpStore:
    return HttpStore("web", LOOPBACK)


class TestHttpStore(ReadOnlyStoreSuite):
    @pytest.fixture
    def store(self, server: HttpServer) -> Store:
        self.server = server
        return HttpStore("web", LOOPBACK)

    def publish(self, data: bytes) -> str:
        self.server.replies["/disk"] = Reply(data, ranges=True, headers=TAGGED)
        return self.server.url("/disk")


def asked(server: HttpServer) -> list[str]:
    return [request.headers["range"] for request in server.requests]


def test_a_whole_object_is_one_request(store: HttpStore, server: HttpServer) -> None:
    for reply in (Reply(DATA, ranges=True), Reply(DATA)):
        server.replies["/disk"] = reply
        server.requests.clear()
        assert content(store, server.url("/disk")) == DATA
        assert asked(server) == ["bytes=0-"]


def test_reads_that_jump_make_a_request_each(store: HttpStore, server: HttpServer) -> None:
    server.replies["/disk"] = Reply(DATA, ranges=True, headers=TAGGED)
    reader = store.reader(server.url("/disk"))
    assert reader.seekable
    for offset in (2 * MIB, 2 * MIB + 10, 7):
        assert bytes(reader.read(offset, 10)) == DATA[offset : offset + 10]
    reader.close()
    assert asked(server) == ["bytes=0-", f"bytes={2 * MIB}-", "bytes=7-"]
    assert [request.headers.get("if-range") for request in server.requests] == [None, '"one"', '"one"']


def test_a_server_without_ranges_is_read_from_its_beginning_only(
    store: HttpStore, server: HttpServer
) -> None:
    server.replies["/disk"] = Reply(DATA)
    reader = store.reader(server.url("/disk"))
    assert not reader.seekable
    assert bytes(reader.read(0, 10)) == DATA[:10]
    with pytest.raises(NoRanges, match="only from the beginning"):
        reader.read(3 * MIB, 5)
    reader.close()


def test_a_lost_connection_is_made_again_where_it_broke(store: HttpStore, server: HttpServer) -> None:
    server.replies["/disk"] = Reply(DATA, ranges=True, headers=TAGGED, reset_after=MIB + 3)
    assert content(store, server.url("/disk")) == DATA
    assert len(server.requests) == 2


class Crumbs(HttpServer):
    """Closes each connection after ten bytes of the object."""

    def _reply(self, request: Request) -> Reply:
        start = int(request.headers["range"].removeprefix("bytes=").rstrip("-"))
        return replace(super()._reply(request), truncate_after=start + 10)


def test_a_server_that_breaks_off_again_and_again_is_given_up(store: HttpStore) -> None:
    """Else an object could be read for weeks, each connection being fast enough for the little that it brings."""
    with Crumbs({"/disk": Reply(DATA, ranges=True, headers=TAGGED)}) as server:
        with pytest.raises(SourceUnavailable, match="lost after"):
            content(store, server.url("/disk"))
        assert len(server.requests) == 3


def test_a_server_that_breaks_off_now_and_then_is_read_to_the_end(store: HttpStore) -> None:
    class Slices(Crumbs):
        def _reply(self, request: Request) -> Reply:
            start = int(request.headers["range"].removeprefix("bytes=").rstrip("-"))
            return replace(super()._reply(request), truncate_after=start + MIB)

    data = os.urandom(6 * MIB)
    with Slices({"/disk": Reply(data, ranges=True, headers=TAGGED)}) as server:
        assert content(store, server.url("/disk")) == data
        assert len(server.requests) == 6


def test_without_ranges_a_lost_connection_is_an_error(store: HttpStore, server: HttpServer) -> None:
    server.replies["/disk"] = Reply(DATA, truncate_after=MIB + 3)
    with pytest.raises(SourceUnavailable, match="lost after"):
        content(store, server.url("/disk"))


def test_an_object_that_changes_is_never_mixed(store: HttpStore, server: HttpServer) -> None:
    server.replies["/disk"] = Reply(DATA, ranges=True, headers=TAGGED)
    reader = store.reader(server.url("/disk"))
    assert bytes(reader.read(0, MIB)) == DATA[:MIB]
    server.replies["/disk"] = Reply(DATA[::-1], ranges=True, headers={"ETag": '"two"'})
    with pytest.raises(Changed, match="has changed"):
        reader.read(2 * MIB, 10)
    server.replies["/disk"] = Reply(DATA + b"!", ranges=True, headers=TAGGED)
    with pytest.raises(Changed, match="bytes now"):
        reader.read(2 * MIB, 10)
    reader.close()


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (Reply(status=403), SourceRefused, "HTTP 403"),
        (Reply(status=503), SourceUnavailable, "HTTP 503"),
        (Reply(b""), SourceRefused, "no data"),
        (Reply(b"", ranges=True), SourceRefused, "no data"),
        (Reply(DATA, announce=-1), SourceRefused, "does not say how long"),
        (Reply(DATA, headers={"Content-Encoding": "gzip"}), SourceRefused, "content encoding"),
        (Reply(DATA, status=206), SourceRefused, "everything from byte 0 was asked for"),
        (Reply(DATA, status=206, headers={"Content-Range": "bytes 1-3/9"}), SourceRefused, "bytes 1-3/9"),
        (Reply(DATA, silent=True), Unavailable, "no byte for 1 seconds"),
        (Reply(redirect="http://192.0.2.1/"), UriRefused, "192.0.2.1"),
        (Reply(redirect="file:///etc/passwd"), UriRefused, "scheme"),
    ],
)
def test_what_cannot_be_read_says_why(
    store: HttpStore, server: HttpServer, reply: Reply, kind: type[GlimpseError], words: str
) -> None:
    server.replies["/disk"] = reply
    with pytest.raises(kind, match=words):
        store.reader(server.url("/disk"))


def test_redirects_are_followed_where_they_may_lead(store: HttpStore, server: HttpServer) -> None:
    server.replies |= {"/disk": Reply(redirect="/there"), "/there": Reply(DATA, ranges=True)}
    assert content(store, server.url("/disk")) == DATA


def test_addresses_are_judged_by_the_operators_rules(store: HttpStore) -> None:
    assert isinstance(store, Registers)
    store.check_url("http://127.0.0.1:8080/disk")
    for url in ("http://127.0.0.2/disk", "ftp://127.0.0.1/disk", "http://127.1/disk", "nothing"):
        with pytest.raises(UriRefused):
            store.check_url(url)
    with pytest.raises(UriRefused, match="loopback"):
        HttpStore("web", {}).check_url("http://127.0.0.1/disk")
    with pytest.raises(UriRefused, match="loopback"):
        HttpStore("web", {}).reader("http://127.0.0.1/disk")


def test_who_answers_must_have_a_certificate_that_is_trusted(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with HttpServer({"/disk": Reply(DATA)}, tls=authority.server(["IP:127.0.0.1"])) as server:
        url = server.url("/disk")
        with pytest.raises(SourceRefused, match="certificate"):
            HttpStore("web", LOOPBACK).reader(url)
        trusting = {**LOOPBACK, "https_ca_certificates_file": authority.certificate}
        assert content(HttpStore("web", trusting), url) == DATA
        assert content(HttpStore("web", {**LOOPBACK, "https_insecure": True}), url) == DATA


def test_a_file_of_certificates_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(BadStoreOption, match=r"ca\.pem"):
        HttpStore("web", {"https_ca_certificates_file": tmp_path / "ca.pem"})
