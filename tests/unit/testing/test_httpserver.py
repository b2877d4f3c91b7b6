"""The server that fails on demand, asked by an ordinary client."""

import http.client
import os
import re
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from glimpse.testing.httpserver import HttpServer, Reply, with_query

DATA = os.urandom(300_000)


def get(url: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def receive(client: socket.socket, into: bytearray) -> None:
    while piece := client.recv(65536):
        into += piece


def test_bytes_and_files_are_served_whole(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(DATA)
    with HttpServer(
        {"/bytes": Reply(DATA), "/file": Reply(path), "/slow": Reply(path, speed=10**7)}
    ) as server:
        for name in ("/bytes", "/file", "/slow"):
            assert get(server.url(name)) == (200, DATA)
        assert get(server.url("/other"))[0] == 404


def test_a_connection_serves_many_requests_and_both_are_counted() -> None:
    with HttpServer({"/": Reply(DATA)}) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        for _ in range(3):
            connection.request("GET", "/", headers={"X-Mark": "yes"})
            assert connection.getresponse().read() == DATA
        connection.request("HEAD", "/")
        assert connection.getresponse().headers["Content-Length"] == str(len(DATA))
        connection.close()
    assert server.connections == 1
    assert [request.method for request in server.requests] == ["GET", "GET", "GET", "HEAD"]
    assert server.requests[0].headers["x-mark"] == "yes"


def test_a_reset_comes_after_exactly_what_it_was_asked_to_let_through() -> None:
    with (
        HttpServer({"/": Reply(DATA, reset_after=100_000)}) as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=10) as client,
    ):
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        got = bytearray()
        with pytest.raises(ConnectionResetError):
            receive(client, got)
    assert got.partition(b"\r\n\r\n")[2] == DATA[:100_000]


def test_a_stalled_answer_goes_on_when_told() -> None:
    with HttpServer({"/": Reply(DATA, stall_after=1000)}) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.request("GET", "/")
        answer = connection.getresponse()
        assert answer.read(1000) == DATA[:1000]
        assert server.stalled.wait(10)
        server.resume()
        assert answer.read() == DATA[1000:]
        connection.close()


def test_closing_ends_stalled_answers() -> None:
    with HttpServer({"/": Reply(DATA, stall_after=1000)}) as server:
        client = socket.create_connection(("127.0.0.1", server.port), timeout=10)
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert server.stalled.wait(10)
    with client, pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", server.port), timeout=10)


def test_a_directory_is_served_with_the_faults_of_the_query(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "disk").write_bytes(DATA)
    (tmp_path / "secret").write_bytes(b"secret")
    with HttpServer(directory=tmp_path / "inside") as server:
        assert get(server.url("/disk")) == (200, DATA)
        assert get(server.url("/disk?status=503")) == (503, DATA)
        assert get(server.url("/disk?chunk=1000&unknown=1")) == (200, DATA)
        with pytest.raises(http.client.IncompleteRead):
            get(server.url("/disk?truncate_after=1000"))
        for path in ("/../secret", "/%2e%2e/secret", "//" + str(tmp_path / "secret"), "/"):
            assert get(server.url(path))[0] == 404


def test_every_number_word_and_flag_of_a_reply_can_be_asked_for() -> None:
    asked = with_query(
        Reply(b"x"), "status=503&stall_after=7&silent=1&redirect=/y&encoding=gzip&raw=no&body=no"
    )
    assert asked == Reply(
        b"x", status=503, stall_after=7, silent=True, redirect="/y", headers={"Content-Encoding": "gzip"}
    )


def test_it_runs_by_itself(tmp_path: Path) -> None:
    (tmp_path / "disk").write_bytes(DATA)
    command = [sys.executable, "-m", "glimpse.testing.httpserver", str(tmp_path), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = re.search(r"http://\S+", process.stdout.readline())
            assert url is not None
            assert get(url[0] + "disk") == (200, DATA)
        finally:
            process.terminate()
