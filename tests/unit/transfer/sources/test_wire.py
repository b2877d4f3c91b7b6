"""Connections that are refused, silent, slow, stopped, or not to be trusted."""

import socket
import threading
from time import monotonic
from typing import Any

import pytest

from glimpse.errors import Cancelled
from glimpse.testing.authority import Authority
from glimpse.testing.httpserver import HttpServer, Reply
from glimpse.transfer.sources.http import SourceRefused, SourceUnavailable
from tests.unit.transfer.sources.conftest import Serve
from tests.unit.transfer.sources.download import DATA, Listener, StopWhen, failure, fetch, source


class TestNoAnswer:
    def test_a_refused_connection_names_the_reason(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        error, _ = failure(f"http://127.0.0.1:{port}/disk")
        assert isinstance(error, SourceUnavailable)
        assert error.message == f"Cannot connect to http://127.0.0.1:{port}/disk: Connection refused."

    def test_an_address_that_does_not_accept_is_given_up_in_time(self) -> None:
        # A listener whose backlog is full drops further connections' SYNs.
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(0)
            fillers = []
            for _ in range(3):
                filler = socket.socket()
                filler.setblocking(False)
                filler.connect_ex(listener.getsockname())
                fillers.append(filler)
            started = monotonic()
            error, _ = failure(f"http://127.0.0.1:{listener.getsockname()[1]}/", connect_timeout=0.3)
            for filler in fillers:
                filler.close()
        assert isinstance(error, SourceUnavailable)
        assert "no connection within 0.3 seconds" in error.message
        assert monotonic() - started < 3

    def test_the_next_address_is_tried_where_one_fails(self) -> None:
        with HttpServer({"/disk": Reply(DATA)}) as server:
            url = f"http://mirror.example:{server.port}/disk"
            addresses = ["127.0.0.9", "::1", "127.0.0.1"]
            assert fetch(url, hosts=frozenset({"mirror.example"}), resolve=lambda _: addresses) == DATA
        assert server.requests[0].headers["host"] == f"mirror.example:{server.port}"

    def test_the_addresses_that_failed_are_for_the_log_alone(self, caplog: pytest.LogCaptureFixture) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        caplog.set_level("INFO", logger="glimpse")
        error, _ = failure(
            f"http://mirror.example:{port}/",
            hosts=frozenset({"mirror.example"}),
            resolve=lambda _: ["127.0.0.1", "127.0.0.2"],
        )
        assert error.message == f"Cannot connect to http://mirror.example:{port}/: Connection refused."
        assert "127.0.0.1: Connection refused; 127.0.0.2: Connection refused" in caplog.text

    def test_a_server_that_never_answers_is_given_up_in_time(self, serve: Serve) -> None:
        started = monotonic()
        error, _ = failure(serve(silent=True), stall_timeout=0.2)
        assert isinstance(error, SourceUnavailable)
        assert "does not answer: no byte for 0.2 seconds" in error.message
        assert monotonic() - started < 3

    def test_a_header_that_trickles_is_given_up_in_time(self) -> None:
        ended = threading.Event()

        def answer(connection: socket.socket) -> None:
            try:
                for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 10_000:
                    connection.sendall(bytes([byte]))
                    ended.wait(0.02)
            except OSError:
                pass

        with Listener(answer) as listener:
            started = monotonic()
            error, _ = failure(listener.url, stall_timeout=0.3)
            ended.set()
        assert isinstance(error, SourceUnavailable)
        assert "no complete header within 0.3 seconds" in error.message
        assert monotonic() - started < 3

    @pytest.mark.parametrize("raw", [b"", b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 200 OK\r\n"])
    def test_a_connection_closed_before_the_header_is_whole_may_pass(self, serve: Serve, raw: bytes) -> None:
        error, _ = failure(serve(raw=raw))
        assert isinstance(error, SourceUnavailable)
        assert "closed the connection without a full answer" in error.message

    @pytest.mark.parametrize(
        "raw",
        [b"SSH-2.0-OpenSSH_9.2\r\n", b"220 ftp ready\r\n", b"\x15\x03\x01\x00\x02\x02\n", b"<html>\n" * 10],
    )
    def test_something_else_than_http_is_final(self, serve: Serve, raw: bytes) -> None:
        error, _ = failure(serve(raw=raw))
        assert isinstance(error, SourceRefused)
        assert "does not answer in HTTP" in error.message

    @pytest.mark.parametrize(
        "raw",
        [
            b"HTTP/1.1 200 OK\r\nX-Big: " + b"x" * 100_000 + b"\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n" + b"X-Many: x\r\n" * 1000 + b"\r\n",
            b"HTTP/1.1 " + b"x" * 100_000,
        ],
    )
    def test_a_header_without_measure_is_final(self, serve: Serve, raw: bytes) -> None:
        error, _ = failure(serve(raw=raw))
        assert isinstance(error, SourceRefused)
        assert "too large" in error.message

    def test_endless_interim_answers_are_given_up_in_time(self) -> None:
        def answer(connection: socket.socket) -> None:
            try:
                while True:
                    connection.sendall(b"HTTP/1.1 102 Processing\r\n\r\n" * 1000)
            except OSError:
                pass

        with Listener(answer) as listener:
            started = monotonic()
            error, _ = failure(listener.url, stall_timeout=0.3)
        assert isinstance(error, SourceUnavailable | SourceRefused)
        assert monotonic() - started < 3


class TestSlowness:
    @pytest.mark.parametrize("after", [0, 100_000])
    def test_a_stall_is_given_up_and_what_came_is_delivered(self, serve: Serve, after: int) -> None:
        started = monotonic()
        error, got = failure(serve(stall_after=after), stall_timeout=0.5)
        assert isinstance(error, SourceUnavailable)
        assert f"stalled after {after} of {len(DATA)} bytes: no byte for 0.5 seconds." in error.message
        assert got == DATA[:after]
        assert monotonic() - started < 3

    def test_a_stall_that_ends_in_time_is_none(self) -> None:
        with HttpServer({"/disk": Reply(DATA, stall_after=100_000)}) as server:

            def resume() -> None:
                server.stalled.wait(10)
                server.resume()

            resumer = threading.Thread(target=resume)
            resumer.start()
            assert fetch(server.url("/disk")) == DATA
            resumer.join()

    def test_a_trickle_is_given_up(self, serve: Serve) -> None:
        started = monotonic()
        error, got = failure(serve(speed=5000), stall_timeout=0.4, minimum_speed=50_000)
        assert isinstance(error, SourceUnavailable)
        assert "bytes per second, fewer than 50000." in error.message
        assert DATA.startswith(got)
        assert monotonic() - started < 3

    def test_a_trickle_that_is_fast_enough_is_not(self, serve: Serve) -> None:
        body = DATA[:100_000]
        assert fetch(serve(body, speed=100_000), stall_timeout=0.5, minimum_speed=1000) == body

    def test_a_slow_reader_is_not_taken_for_a_slow_source(self, serve: Serve) -> None:
        stream = source(serve(), stall_timeout=0.5, minimum_speed=100_000).chunks()
        got = bytearray(next(stream))
        threading.Event().wait(0.8)  # the slow reader
        for chunk in stream:
            got += chunk
        assert got == DATA

    def test_bytes_of_a_slow_source_come_without_waiting_for_a_whole_chunk(self) -> None:
        with HttpServer({"/disk": Reply(DATA, speed=200_000)}) as server:
            stream = source(server.url("/disk"))
            first = next(stream.chunks())
            assert 0 < len(first) < 600_000
            stream.close()


class TestStopping:
    @pytest.mark.parametrize("fault", [{"stall_after": 100_000}, {"stall_after": 0}, {"silent": True}])
    def test_closing_wakes_a_blocked_reader(self, fault: dict[str, Any]) -> None:
        with HttpServer({"/disk": Reply(DATA, **fault)}) as server:
            stream = source(server.url("/disk"), stall_timeout=60)
            ended: list[BaseException] = []

            def read() -> None:
                try:
                    list(stream.chunks())
                except BaseException as error:
                    ended.append(error)

            reader = threading.Thread(target=read)
            reader.start()
            assert server.stalled.wait(10)
            started = monotonic()
            stream.close()
            reader.join(10)
            assert monotonic() - started < 2
            assert [type(error) for error in ended] == [Cancelled]
            stream.close()

    @pytest.mark.parametrize("fault", [{"stall_after": 100_000}, {"silent": True}])
    def test_a_stop_is_seen_within_half_a_second(self, fault: dict[str, Any]) -> None:
        with HttpServer({"/disk": Reply(DATA, **fault)}) as server:
            stop = threading.Event()
            times: list[float] = []

            def set_stop() -> None:
                server.stalled.wait(10)
                times.append(monotonic())
                stop.set()

            stopper = threading.Thread(target=set_stop)
            stopper.start()
            error, _ = failure(server.url("/disk"), stall_timeout=60, stop=StopWhen(stop))
            stopper.join()
        assert error.message == "told to stop"
        assert monotonic() - times[0] < 2

    def test_a_stop_is_seen_while_bytes_flow(self, serve: Serve) -> None:
        stop = threading.Event()
        stream = source(serve(speed=100_000), stop=StopWhen(stop)).chunks()
        next(stream)
        stop.set()
        started = monotonic()
        with pytest.raises(Cancelled):
            list(stream)
        assert monotonic() - started < 2

    def test_a_stop_is_seen_while_the_name_server_is_silent(self) -> None:
        stop, asked, release = threading.Event(), threading.Event(), threading.Event()

        def resolve(host: str) -> list[str]:
            asked.set()
            stop.set()
            release.wait(10)
            return []

        started = monotonic()
        error, _ = failure("http://example.org/", hosts=frozenset(), stop=StopWhen(stop), resolve=resolve)
        release.set()
        assert isinstance(error, Cancelled)
        assert asked.is_set()
        assert monotonic() - started < 2

    def test_a_closed_download_does_not_begin(self, serve: Serve) -> None:
        stream = source(serve())
        stream.close()
        with pytest.raises(Cancelled):
            list(stream.chunks())

    def test_a_download_left_half_way_closes_its_connection(self) -> None:
        with HttpServer({"/disk": Reply(DATA * 20)}) as server:
            stream = source(server.url("/disk"))
            chunks = stream.chunks()
            next(chunks)
            stream.close()
            with pytest.raises(Cancelled):
                list(chunks)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


class TestTls:
    def test_a_known_authority_and_the_right_name_are_enough(self, authority: Authority) -> None:
        context = authority.server(["DNS:mirror.example", "IP:127.0.0.1"])
        with HttpServer({"/disk": Reply(DATA)}, tls=context) as server:
            assert fetch(server.url("/disk"), ssl_context=authority.client()) == DATA
            by_name = f"https://mirror.example:{server.port}/disk"
            assert (
                fetch(
                    by_name,
                    hosts=frozenset({"mirror.example"}),
                    resolve=lambda _: ["127.0.0.1"],
                    ssl_context=authority.client(),
                )
                == DATA
            )

    def test_the_server_is_told_the_name(self, authority: Authority) -> None:
        names: list[str | None] = []
        context = authority.server(["DNS:mirror.example"])
        context.sni_callback = lambda _socket, name, _context: names.append(name)
        with HttpServer({"/disk": Reply(DATA)}, tls=context) as server:
            fetch(
                f"https://mirror.example:{server.port}/disk",
                hosts=frozenset({"mirror.example"}),
                resolve=lambda _: ["127.0.0.1"],
                ssl_context=authority.client(),
            )
        assert names == ["mirror.example"]

    @pytest.mark.parametrize(
        ("names", "expired", "trusted", "reason"),
        [
            (["DNS:other.example"], False, True, "IP address mismatch"),
            (["IP:127.0.0.2"], False, True, "IP address mismatch"),
            (["IP:127.0.0.1"], True, True, "certificate has expired"),
            (["IP:127.0.0.1"], False, False, "unable to get local issuer certificate"),
        ],
        ids=["name", "address", "expired", "unknown-authority"],
    )
    def test_a_certificate_that_is_not_valid_is_final(
        self, authority: Authority, names: list[str], expired: bool, trusted: bool, reason: str
    ) -> None:
        with HttpServer({"/disk": Reply(DATA)}, tls=authority.server(names, expired=expired)) as server:
            error, _ = failure(server.url("/disk"), ssl_context=authority.client() if trusted else None)
        assert isinstance(error, SourceRefused)
        assert f"The certificate of 127.0.0.1:{server.port} is not valid: " in error.message
        assert reason in error.message
        assert server.requests == []

    def test_a_name_that_the_certificate_does_not_have_is_final(self, authority: Authority) -> None:
        with HttpServer({"/disk": Reply(DATA)}, tls=authority.server(["DNS:other.example"])) as server:
            error, _ = failure(
                f"https://mirror.example:{server.port}/disk",
                hosts=frozenset({"mirror.example"}),
                resolve=lambda _: ["127.0.0.1"],
                ssl_context=authority.client(),
            )
        assert isinstance(error, SourceRefused)
        assert "Hostname mismatch, certificate is not valid for 'mirror.example'" in error.message

    def test_a_plain_server_is_no_tls_server(self) -> None:
        def answer(connection: socket.socket) -> None:
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        with Listener(answer) as listener:
            error, _ = failure(listener.url.replace("http:", "https:"))
        assert isinstance(error, SourceRefused)
        assert "No TLS connection to 127.0.0.1" in error.message
        assert "wrong version number" in error.message

    def test_a_connection_closed_in_the_handshake_may_pass(self) -> None:
        with Listener(lambda connection: None) as listener:
            error, _ = failure(listener.url.replace("http:", "https:"))
        assert isinstance(error, SourceUnavailable)
        assert "Cannot connect to https://127.0.0.1" in error.message

    def test_a_handshake_that_never_comes_is_given_up_in_time(self) -> None:
        with Listener() as listener:
            started = monotonic()
            error, _ = failure(listener.url.replace("http:", "https:"), connect_timeout=0.2)
        assert isinstance(error, SourceUnavailable)
        assert "no connection within 0.2 seconds" in error.message
        assert monotonic() - started < 3

    @pytest.mark.parametrize("announce", [None, -1])
    def test_a_reset_half_way_is_found(self, authority: Authority, announce: int | None) -> None:
        context = authority.server(["IP:127.0.0.1"])
        reply = Reply(DATA, announce=announce, reset_after=100_000)
        with HttpServer({"/disk": reply}, tls=context) as server:
            error, got = failure(server.url("/disk"), ssl_context=authority.client())
        assert isinstance(error, SourceUnavailable)
        assert "was lost after 100000" in error.message
        assert got == DATA[:100_000]

    def test_a_body_without_length_ends_with_a_goodbye(self, authority: Authority) -> None:
        context = authority.server(["IP:127.0.0.1"])
        with HttpServer({"/disk": Reply(DATA, announce=-1)}, tls=context) as server:
            assert fetch(server.url("/disk"), ssl_context=authority.client()) == DATA

    def test_a_body_without_length_and_goodbye_may_have_been_cut(self, authority: Authority) -> None:
        context = authority.server(["IP:127.0.0.1"])
        reply = Reply(DATA, announce=-1, truncate_after=len(DATA))
        with HttpServer({"/disk": reply}, tls=context) as server:
            error, got = failure(server.url("/disk"), ssl_context=authority.client())
        assert isinstance(error, SourceUnavailable)
        assert got == DATA

    @pytest.mark.parametrize("fault", [{"stall_after": 100_000}, {"silent": True}])
    def test_closing_wakes_a_blocked_reader(self, authority: Authority, fault: dict[str, Any]) -> None:
        with HttpServer({"/disk": Reply(DATA, **fault)}, tls=authority.server(["IP:127.0.0.1"])) as server:
            stream = source(server.url("/disk"), ssl_context=authority.client(), stall_timeout=60)
            ended: list[BaseException] = []

            def read() -> None:
                try:
                    list(stream.chunks())
                except BaseException as error:
                    ended.append(error)

            reader = threading.Thread(target=read)
            reader.start()
            assert server.stalled.wait(10)
            started = monotonic()
            stream.close()
            reader.join(10)
            assert monotonic() - started < 2
        assert [type(error) for error in ended] == [Cancelled]

    def test_a_stall_is_given_up(self, authority: Authority) -> None:
        with HttpServer(
            {"/disk": Reply(DATA, stall_after=100_000)}, tls=authority.server(["IP:127.0.0.1"])
        ) as server:
            error, got = failure(server.url("/disk"), ssl_context=authority.client(), stall_timeout=0.5)
        assert isinstance(error, SourceUnavailable)
        assert f"stalled after 100000 of {len(DATA)} bytes" in error.message
        assert got == DATA[:100_000]
