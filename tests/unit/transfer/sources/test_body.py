"""Bodies that arrive whole, and bodies that do not."""

import socket
import threading
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from glimpse.testing.httpserver import HttpServer, Reply
from glimpse.transfer.protocols import Stream
from glimpse.transfer.sources.http import SourceRefused, SourceUnavailable
from tests.unit.transfer.sources.conftest import Serve
from tests.unit.transfer.sources.download import DATA, Listener, failure, fetch, source


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
