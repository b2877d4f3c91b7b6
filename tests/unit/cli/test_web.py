"""Fetching the beginning of something, from a real server."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from glimpse.cli.web import fetch_head, is_url
from glimpse.errors import Unavailable

CONTENT = bytes(range(256)) * 4096


class Files(BaseHTTPRequestHandler):
    """Knows one file, and ignores ranges, as many servers do."""

    def do_GET(self) -> None:
        if self.path != "/file":
            self.send_error(404)
            return
        self.send_response(200)
        # Some servers call a .gz a coding: it must arrive packed all the same.
        self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        try:
            self.wfile.write(CONTENT)
        except OSError:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def server() -> Iterator[str]:
    """The address of a server that runs for one test."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Files) as running:
        threading.Thread(target=running.serve_forever, args=(0.01,)).start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()


def test_only_the_beginning_is_taken_as_it_is(server: str) -> None:
    assert fetch_head(f"{server}/file", 1000) == CONTENT[:1000]


def test_a_short_file_is_taken_whole(server: str) -> None:
    assert fetch_head(f"{server}/file", 2 << 20) == CONTENT


def test_a_refusal_says_that_the_service_may_do_better(server: str) -> None:
    with pytest.raises(Unavailable, match="HTTP 404 from http://") as caught:
        fetch_head(f"{server.replace('//', '//me:secret@')}/none", 10)
    assert "--disk-format" in caught.value.hint
    assert "secret" not in caught.value.message


def test_nobody_there_is_told() -> None:
    with pytest.raises(Unavailable, match="cannot be fetched from here"):
        fetch_head("http://127.0.0.1:1/", 10)


def test_only_web_addresses_are_urls() -> None:
    assert is_url("https://h/")
    assert not is_url("file:///etc/passwd")
