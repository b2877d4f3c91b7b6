"""Answers, limits, redirects, names that change their address, and credentials."""

import base64
import threading
from time import monotonic
from typing import Any

import pytest

from glimpse.errors import TooLarge
from glimpse.testing.httpserver import HttpServer, Reply
from glimpse.transfer.sources.http import HttpSource, SourceRefused, SourceUnavailable
from glimpse.transfer.sources.rules import FetchRules, Unresolved, UriRefused
from tests.unit.transfer.sources.conftest import Serve
from tests.unit.transfer.sources.download import DATA, LOCAL, Run, failure, fetch


class TestStatus:
    @pytest.mark.parametrize(
        ("status", "retryable"),
        [
            *(
                (status, False)
                for status in (201, 204, 206, 300, 304, 400, 401, 403, 404, 407, 410, 416, 501, 600)
            ),
            *((status, True) for status in (408, 429, 500, 502, 503, 504)),
        ],
    )
    def test_another_status_than_200_says_itself_and_whether_it_may_pass(
        self, serve: Serve, status: int, retryable: bool
    ) -> None:
        url = serve(status=status)
        error, got = failure(url)
        assert error.message == f"HTTP {status} from {url}."
        assert error.retryable == retryable
        assert isinstance(error, SourceRefused | SourceUnavailable)
        assert error.status == status
        assert got == b""


class TestLimits:
    def test_an_announced_size_above_the_cap_is_refused_before_a_byte(self, serve: Serve) -> None:
        error, got = failure(serve(), size_cap=len(DATA) - 1)
        assert isinstance(error, TooLarge)
        assert f"announces {len(DATA)} bytes, more than the {len(DATA) - 1} allowed" in error.message
        assert got == b""

    @pytest.mark.parametrize("faults", [{"chunk": 65536}, {"announce": -1}])
    def test_bytes_above_the_cap_are_never_delivered(self, serve: Serve, faults: dict[str, Any]) -> None:
        error, got = failure(serve(**faults), size_cap=2 << 20)
        assert isinstance(error, TooLarge)
        assert len(got) <= 2 << 20

    def test_exactly_the_cap_is_allowed(self, serve: Serve) -> None:
        assert fetch(serve(), size_cap=len(DATA)) == DATA
        assert fetch(serve(chunk=65536), size_cap=len(DATA)) == DATA


class TestRedirects:
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    @pytest.mark.parametrize(
        "location", ["/disk", "disk", "//{host}/disk", "http://{host}/disk", "/disk#part"]
    )
    def test_a_redirect_is_followed(self, status: int, location: str) -> None:
        with HttpServer({"/disk": Reply(DATA)}) as server:
            host = f"127.0.0.1:{server.port}"
            server.replies["/old"] = Reply(b"moved", status=status, redirect=location.format(host=host))
            assert fetch(server.url("/old")) == DATA
        assert [request.path for request in server.requests] == ["/old", "/disk"]
        assert server.connections == 2

    def test_ten_redirects_are_followed_and_an_eleventh_is_not(self) -> None:
        replies = {f"/{n}": Reply(redirect=f"/{n + 1}") for n in range(12)}
        with HttpServer({**replies, "/10": Reply(DATA)}) as server:
            assert fetch(server.url("/0")) == DATA
        with HttpServer({**replies, "/11": Reply(DATA)}) as server:
            error, _ = failure(server.url("/0"))
        assert isinstance(error, SourceRefused)
        assert "redirects more than 10 times" in error.message

    def test_a_loop_is_found(self) -> None:
        with HttpServer({"/a": Reply(redirect="/b"), "/b": Reply(redirect="/a")}) as server:
            error, _ = failure(server.url("/a"))
        assert isinstance(error, SourceRefused)
        assert "redirects in a loop" in error.message
        assert len(server.requests) == 2

    def test_a_redirect_without_location_is_refused(self, serve: Serve) -> None:
        error, _ = failure(serve(status=302))
        assert isinstance(error, SourceRefused)
        assert "HTTP 302 without a Location" in error.message

    @pytest.mark.parametrize(
        "location",
        [
            "http://169.254.169.254/latest/meta-data/",
            "http://127.0.0.2/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.2]/",
            "http://2130706433/",
            "http://0x7f.1/",
            "//169.254.169.254/",
            "\\\\169.254.169.254/",
            "/\\169.254.169.254/",
            "ftp://127.0.0.1/disk",
            "file:///etc/passwd",
            "http://example.org/",
            "http://me:secret@127.0.0.1/disk",
            "/a b",
            "http:disk",
        ],
    )
    def test_a_redirect_to_what_may_not_be_fetched_is_refused(self, location: str) -> None:
        with HttpServer({"/old": Reply(redirect=location), "/disk": Reply(DATA)}) as server:
            error, _ = failure(server.url("/old"))
        assert isinstance(error, UriRefused)
        assert error.message.startswith(f"The redirect from {server.url('/old')} to ")
        assert "secret" not in error.message
        assert server.connections == 1

    def test_a_location_in_utf8_is_understood(self) -> None:
        with HttpServer({"/gr%C3%B6%C3%9Fe": Reply(DATA), "/old": Reply(redirect="/größe")}) as server:
            assert fetch(server.url("/old")) == DATA

    def test_the_body_of_a_redirect_may_be_endless(self) -> None:
        with HttpServer(
            {"/disk": Reply(DATA), "/old": Reply(DATA, redirect="/disk", stall_after=10)}
        ) as server:
            assert fetch(server.url("/old")) == DATA


class TestRebinding:
    def test_a_name_is_resolved_once_for_a_hop(self) -> None:
        answers = iter([["127.0.0.1"]])
        with HttpServer({"/disk": Reply(DATA)}) as server:
            url = f"http://mirror.example:{server.port}/disk"
            assert fetch(url, hosts=frozenset({"mirror.example"}), resolve=lambda _: next(answers)) == DATA

    def test_a_name_that_turns_local_at_a_redirect_is_refused(self) -> None:
        answers = iter([["127.0.0.1"], ["169.254.169.254", "0.0.0.0"]])
        with HttpServer({"/old": Reply(redirect="/disk"), "/disk": Reply(DATA)}) as server:
            error, _ = failure(
                f"http://mirror.example:{server.port}/old",
                hosts=frozenset({"mirror.example"}),
                resolve=lambda _: next(answers),
            )
        assert isinstance(error, UriRefused)
        assert "its address is a metadata address or an unspecified address" in error.message
        assert "169.254" not in error.message
        assert server.connections == 1

    def test_a_name_that_is_not_listed_never_reaches_a_local_server(self) -> None:
        with HttpServer({"/disk": Reply(DATA)}) as server:
            error, _ = failure(
                f"http://rebound.example:{server.port}/disk",
                hosts=frozenset(),
                resolve=lambda _: ["127.0.0.1", "::1", "::ffff:127.0.0.1"],
            )
        assert isinstance(error, UriRefused)
        assert server.connections == 0

    def test_the_system_resolver_is_used_and_its_failure_told(self) -> None:
        error, _ = failure("http://no-such-host.invalid/", hosts=frozenset())
        assert isinstance(error, UriRefused)
        assert "no-such-host.invalid does not resolve" in error.message

    def test_a_silent_name_server_is_given_up_in_time(self) -> None:
        release = threading.Event()

        def resolve(host: str) -> list[str]:
            release.wait(10)
            return []

        started = monotonic()
        error, _ = failure("http://example.org/", hosts=frozenset(), connect_timeout=0.2, resolve=resolve)
        release.set()
        assert isinstance(error, Unresolved)
        assert error.retryable
        assert "no answer from the name server in 0.2 seconds" in error.message
        assert monotonic() - started < 3


class TestCredentials:
    def test_userinfo_goes_to_its_origin_as_basic_authentication(self) -> None:
        with HttpServer({"/old": Reply(redirect="/disk"), "/disk": Reply(DATA)}) as server:
            url = server.url("/old").replace("http://", "http://me:sec%20ret@")
            assert fetch(url) == DATA
        expected = "Basic " + base64.b64encode(b"me:sec ret").decode()
        assert [request.headers["authorization"] for request in server.requests] == [expected, expected]
        assert {request.headers["host"] for request in server.requests} == {f"127.0.0.1:{server.port}"}

    def test_credentials_never_cross_to_another_origin(self) -> None:
        with HttpServer({"/disk": Reply(DATA)}) as other, HttpServer() as server:
            server.replies["/old"] = Reply(redirect=other.url("/disk"))
            assert fetch(server.url("/old").replace("http://", "http://me:secret@")) == DATA
            renamed = f"http://mirror.example:{server.port}/disk"
            server.replies |= {"/named": Reply(redirect=renamed), "/disk": Reply(DATA)}
            assert (
                fetch(
                    server.url("/named").replace("http://", "http://me:secret@"),
                    hosts=LOCAL | {"mirror.example"},
                    resolve=lambda _: ["127.0.0.1"],
                )
                == DATA
            )
        assert "authorization" in server.requests[0].headers
        assert "authorization" not in other.requests[0].headers
        assert ["authorization" in request.headers for request in server.requests] == [True, True, False]

    @pytest.mark.parametrize(
        "faults",
        [
            {"status": 401},
            {"reset_after": 10},
            {"silent": True},
            {"raw": b"x\n"},
            {"chunk": 5, "broken_chunk_after": 0},
        ],
    )
    def test_no_error_repeats_credentials_or_a_signed_query(
        self, serve: Serve, faults: dict[str, Any]
    ) -> None:
        url = serve(**faults).replace("http://", "http://me:secret@") + "?signature=hidden"
        error, _ = failure(url, stall_timeout=0.2)
        assert "secret" not in error.message
        assert "hidden" not in error.message
        assert "me:" not in error.message


def test_a_user_agent_cannot_add_headers() -> None:
    with pytest.raises(ValueError, match="user_agent"):
        HttpSource(
            "http://example.org/",
            FetchRules(),
            connect_timeout=1,
            stall_timeout=1,
            minimum_speed=0,
            user_agent="x\r\nX-Injected: yes",
            stop=Run(),
            size_cap=None,
        )
