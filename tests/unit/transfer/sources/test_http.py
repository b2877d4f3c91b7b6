"""Downloads over real sockets, from servers that do everything wrong."""

import base64
import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from glimpse.errors import Cancelled, GlimpseError, TooLarge
from glimpse.testing.authority import Authority
from glimpse.testing.httpserver import HttpServer, Reply
from glimpse.transfer.protocols import Stop, Stream
from glimpse.transfer.sources.http import HttpSource, SourceRefused, SourceUnavailable
from glimpse.transfer.sources.uri import FetchRules, Resolve, Unresolved, UriRefused, system_resolve

DATA = os.urandom(3 << 20) + b"the end"
LOCAL = frozenset({"127.0.0.1"})


class Run:
    """A stop that never stops."""

    def check(self) -> None:
        pass


class StopWhen:
    """A stop that stops once an event is set."""

    def __init__(self, event: threading.Event) -> None:
        self.event = event

    def check(self) -> None:
        if self.event.is_set():
            raise Cancelled("told to stop")


def source(
    uri: str,
    *,
    hosts: frozenset[str] = LOCAL,
    connect_timeout: float = 5.0,
    stall_timeout: float = 5.0,
    minimum_speed: int = 0,
    size_cap: int | None = None,
    stop: Stop | None = None,
    ssl_context: ssl.SSLContext | None = None,
    resolve: Resolve = system_resolve,
) -> HttpSource:
    return HttpSource(
        uri,
        FetchRules(allowed_hosts=hosts, allowed_ports=frozenset()),
        connect_timeout=connect_timeout,
        stall_timeout=stall_timeout,
        minimum_speed=minimum_speed,
        user_agent="glimpse-test",
        stop=stop or Run(),
        size_cap=size_cap,
        ssl_context=ssl_context,
        resolve=resolve,
    )


def fetch(uri: str, **options: Any) -> bytes:
    return b"".join(bytes(chunk) for chunk in source(uri, **options).chunks())


def failure(uri: str, **options: Any) -> tuple[GlimpseError, bytes]:
    """The error that the download ends in, and the bytes that came before."""
    got = bytearray()
    try:
        for chunk in source(uri, **options).chunks():
            got += chunk
    except GlimpseError as error:
        return error, bytes(got)
    raise AssertionError(f"the download succeeded with {len(got)} bytes")


Serve = Callable[..., str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a server with one reply at ``/disk`` and gives its URL."""
    servers: list[HttpServer] = []

    def start(body: bytes | Path = DATA, **faults: Any) -> str:
        server = HttpServer({"/disk": Reply(body, **faults)})
        server.__enter__()
        servers.append(server)
        return server.url("/disk")

    yield start
    for server in servers:
        server.close()


class Listener:
    """A listening socket that accepts into its backlog and says nothing, or that a thread answers for."""

    def __init__(self, answer: Callable[[socket.socket], None] | None = None) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/disk"
        self._answer = answer
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Listener":
        if self._answer is not None:
            self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._thread.is_alive():
            self._thread.join(10)
        self.socket.close()

    def _run(self) -> None:
        assert self._answer is not None
        connection, _ = self.socket.accept()
        with connection:
            connection.recv(65536)
            self._answer(connection)


class TestWholeBodies:
    def test_bytes_arrive_unchanged_and_the_size_is_known_before(self, serve: Serve) -> None:
        stream: Stream = source(serve())
        assert stream.size == len(DATA)
        assert b"".join(stream.chunks()) == DATA

    def test_a_file_arrives_in_chunks_of_a_mebibyte(self, serve: Serve, tmp_path: Path) -> None:
        path = tmp_path / "disk"
        path.write_bytes(DATA)
        chunks = list(source(serve(path)).chunks())
        assert b"".join(chunks) == DATA
        assert max(map(len, chunks)) <= 4 << 20
        assert len(chunks) <= 6

    @pytest.mark.parametrize("chunk", [1000, 65536, 5 << 20])
    def test_a_chunked_body_arrives_in_pieces_that_are_worth_their_way(
        self, serve: Serve, chunk: int
    ) -> None:
        stream = source(serve(chunk=chunk))
        assert stream.size is None
        chunks = list(stream.chunks())
        assert b"".join(chunks) == DATA
        assert len(chunks) <= 12

    def test_chunk_extensions_and_trailers_are_skipped(self, serve: Serve) -> None:
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
        body = b"3;name=value\r\nabc\r\n0003\r\ndef\r\n0\r\nX-Trailer: x\r\n\r\n"
        assert fetch(serve(raw=head + body)) == b"abcdef"

    def test_a_body_without_length_ends_with_the_connection(self, serve: Serve) -> None:
        stream = source(serve(announce=-1))
        assert stream.size is None
        assert b"".join(stream.chunks()) == DATA

    def test_an_interim_answer_is_not_the_answer(self, serve: Serve) -> None:
        raw = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"
        assert fetch(serve(raw=raw)) == b"abc"

    def test_a_server_that_keeps_the_connection_open_does_not_delay_the_end(self) -> None:
        release = threading.Event()

        def answer(connection: socket.socket) -> None:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc")
            release.wait(10)

        with Listener(answer) as listener:
            started = monotonic()
            assert fetch(listener.url) == b"abc"
            assert monotonic() - started < 2
            release.set()

    def test_the_request_asks_for_the_plain_file(self) -> None:
        with HttpServer({"/disk?v=1": Reply(DATA)}) as server:
            fetch(server.url("/disk?v=1"))
        [request] = server.requests
        assert request.method == "GET"
        assert request.path == "/disk?v=1"
        assert request.headers == {
            "host": f"127.0.0.1:{server.port}",
            "user-agent": "glimpse-test",
            "accept": "*/*",
            "accept-encoding": "identity",
            "connection": "close",
        }

    def test_proxies_of_the_environment_are_not_used(
        self, serve: Serve, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:1/")
        assert fetch(serve()) == DATA


class TestBrokenBodies:
    def test_a_body_shorter_than_announced_is_found(self, serve: Serve) -> None:
        error, got = failure(serve(announce=len(DATA) + 1))
        assert isinstance(error, SourceUnavailable)
        assert error.message.endswith(f"/disk was lost after {len(DATA)} of {len(DATA) + 1} bytes.")
        assert got == DATA

    def test_a_body_cut_off_in_good_order_is_found(self, serve: Serve) -> None:
        error, got = failure(serve(truncate_after=100_000))
        assert isinstance(error, SourceUnavailable)
        assert f"lost after 100000 of {len(DATA)} bytes" in error.message
        assert got == DATA[:100_000]

    @pytest.mark.parametrize("announce", [0, 1, 1000, len(DATA) - 1])
    def test_a_body_longer_than_announced_is_found(self, serve: Serve, announce: int) -> None:
        error, _ = failure(serve(announce=announce))
        assert isinstance(error, SourceRefused)
        assert "no data" in error.message if announce == 0 else "more bytes than" in error.message

    @pytest.mark.parametrize("after", [0, 1, 100_000, 2 << 20])
    def test_a_reset_half_way_tells_how_far_it_came(self, serve: Serve, after: int) -> None:
        error, got = failure(serve(reset_after=after))
        assert isinstance(error, SourceUnavailable)
        assert error.retryable
        assert f"was lost after {after} of {len(DATA)} bytes: Connection reset by peer." in error.message
        assert got == DATA[:after]

    def test_a_reset_of_a_body_without_length_is_no_end(self, serve: Serve) -> None:
        error, got = failure(serve(announce=-1, reset_after=100_000))
        assert isinstance(error, SourceUnavailable)
        assert "was lost after 100000 bytes" in error.message
        assert got == DATA[:100_000]

    @pytest.mark.parametrize("after", [0, 100_000])
    def test_a_broken_chunk_is_final(self, serve: Serve, after: int) -> None:
        error, _ = failure(serve(chunk=10_000, broken_chunk_after=after))
        assert isinstance(error, SourceRefused)
        assert not error.retryable
        assert (
            f"broken chunked encoding: b'not a size\\r\\n' instead of a size (after {after} " in error.message
        )

    @pytest.mark.parametrize(
        "body",
        [
            b"-3\r\nabc\r\n",
            b"+3\r\nabc\r\n",
            b"0x3\r\nabc\r\n",
            b"1_0\r\nabc\r\n",
            b"\r\n",
            b"ffffffffffffffffff\r\n",
            b"3\r\nabcd\r\n",
            b"3;" + b"x" * 5000 + b"\r\nabc\r\n",
            b"3\r\nabc\r\n0\r\n" + b"X: x\r\n" * 200,
        ],
    )
    def test_chunks_that_only_lenient_readers_understand_are_final(self, serve: Serve, body: bytes) -> None:
        error, _ = failure(serve(raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body))
        assert isinstance(error, SourceRefused)
        assert "broken chunked encoding" in error.message

    @pytest.mark.parametrize("cut", [0, 5, 10_002, 10_004, 10_006, 25_000])
    def test_a_chunked_body_that_ends_before_its_last_chunk_is_found(self, serve: Serve, cut: int) -> None:
        chunks = b"".join(b"2710\r\n" + DATA[at : at + 10_000] + b"\r\n" for at in (0, 10_000, 20_000))
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        error, _ = failure(serve(raw=head + chunks[:cut]))
        assert isinstance(error, SourceUnavailable)
        assert "was lost after" in error.message

    @pytest.mark.parametrize(
        "header",
        [
            "Content-Length: -3",
            "Content-Length: abc",
            "Content-Length: 3, 4",
            "Content-Length: 3\r\nContent-Length: 4",
            "Content-Length: +3",
            "Content-Length: " + "9" * 30,
            "Transfer-Encoding: gzip, chunked",
            "Transfer-Encoding: gzip",
        ],
    )
    def test_a_length_that_can_be_read_in_two_ways_is_refused(self, serve: Serve, header: str) -> None:
        error, _ = failure(serve(raw=f"HTTP/1.1 200 OK\r\n{header}\r\n\r\nabc".encode()))
        assert isinstance(error, SourceRefused)

    @pytest.mark.parametrize("faults", [{}, {"chunk": 10}, {"announce": -1}, {"status": 204}])
    def test_an_empty_answer_is_refused(self, serve: Serve, faults: dict[str, Any]) -> None:
        error, _ = failure(serve(b"", **faults))
        assert isinstance(error, SourceRefused)

    @pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "br", "identity, gzip"])
    def test_a_content_encoding_is_refused_with_advice(self, serve: Serve, encoding: str) -> None:
        error, _ = failure(serve(headers={"Content-Encoding": encoding}))
        assert isinstance(error, SourceRefused)
        assert f"content encoding '{encoding}', which was not asked for" in error.message
        assert error.hint

    def test_identity_is_no_content_encoding(self, serve: Serve) -> None:
        assert fetch(serve(headers={"Content-Encoding": "Identity"})) == DATA


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


class TestNoAnswer:
    def test_a_refused_connection_names_address_and_reason(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        error, _ = failure(f"http://127.0.0.1:{port}/disk")
        assert isinstance(error, SourceUnavailable)
        assert error.message == (
            f"Cannot connect to http://127.0.0.1:{port}/disk: 127.0.0.1: Connection refused."
        )

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

    def test_every_address_that_failed_is_named(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        error, _ = failure(
            f"http://mirror.example:{port}/",
            hosts=frozenset({"mirror.example"}),
            resolve=lambda _: ["127.0.0.1", "127.0.0.2"],
        )
        assert "127.0.0.1: Connection refused; 127.0.0.2: Connection refused" in error.message

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
        error, got = failure(serve(stall_after=after), stall_timeout=0.2)
        assert isinstance(error, SourceUnavailable)
        assert f"stalled after {after} of {len(DATA)} bytes: no byte for 0.2 seconds." in error.message
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
        body = DATA[:60_000]
        assert fetch(serve(body, speed=100_000), stall_timeout=0.2, minimum_speed=10_000) == body

    def test_a_slow_reader_is_not_taken_for_a_slow_source(self, serve: Serve) -> None:
        stream = source(serve(), stall_timeout=0.1, minimum_speed=1 << 20).chunks()
        got = bytearray(next(stream))
        threading.Event().wait(0.3)  # the slow reader
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
            assert monotonic() - started < 1
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
        assert monotonic() - times[0] < 1

    def test_a_stop_is_seen_while_bytes_flow(self, serve: Serve) -> None:
        stop = threading.Event()
        stream = source(serve(speed=100_000), stop=StopWhen(stop)).chunks()
        next(stream)
        stop.set()
        started = monotonic()
        with pytest.raises(Cancelled):
            list(stream)
        assert monotonic() - started < 1

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
        assert monotonic() - started < 1

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
        assert "169.254.169.254 is a metadata address" in error.message
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

    def test_a_plain_server_is_no_tls_server(self, serve: Serve) -> None:
        error, _ = failure(serve().replace("http://", "https://"), stall_timeout=2, connect_timeout=2)
        assert isinstance(error, SourceRefused | SourceUnavailable)
        assert "TLS" in error.message

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
            assert monotonic() - started < 1
        assert [type(error) for error in ended] == [Cancelled]

    def test_a_stall_is_given_up(self, authority: Authority) -> None:
        with HttpServer(
            {"/disk": Reply(DATA, stall_after=100_000)}, tls=authority.server(["IP:127.0.0.1"])
        ) as server:
            error, got = failure(server.url("/disk"), ssl_context=authority.client(), stall_timeout=0.2)
        assert isinstance(error, SourceUnavailable)
        assert f"stalled after 100000 of {len(DATA)} bytes" in error.message
        assert got == DATA[:100_000]


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
