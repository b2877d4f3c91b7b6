"""An HTTP server that fails on demand: for tests, and for operators who rehearse what then happens.

    python -m glimpse.testing.httpserver /srv/images --port 8000
    curl 'http://127.0.0.1:8000/disk.qcow2?reset_after=1000000'

Every field of :class:`Reply` that is a number or a word can be asked for in the query. In a test, replies are
given by path::

    with HttpServer({"/disk": Reply(b"...", stall_after=2)}) as server:
        source = HttpSource(server.url("/disk"), ...)
"""

import argparse
import contextlib
import fcntl
import re
import socket
import ssl
import struct
import sys
import termios
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from http import HTTPStatus
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import BinaryIO, Self
from urllib.parse import parse_qsl, unquote, urlsplit

_PIECE = 1 << 20
_TICKS_PER_SECOND = 50


@dataclass(frozen=True, slots=True)
class Reply:
    """How one path is answered. ``body`` is served whole and at once unless a fault says otherwise.

    Positions (``…_after``) are bytes of the body. In the answer to a range, faults before its beginning do not happen.
    """

    body: bytes | Path = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    announce: int | None = None
    """The Content-Length to claim, instead of the true one; -1: none, the body ends with the connection."""
    chunk: int = 0
    """Size of the chunks of a chunked body; 0: not chunked."""
    broken_chunk_after: int | None = None
    """The chunk that begins here has a size that is no number."""
    truncate_after: int | None = None
    """The connection is closed here, with TLS without a goodbye."""
    reset_after: int | None = None
    """The connection is reset (RST) here, after the other side has taken all that came before."""
    stall_after: int | None = None
    """Nothing more is sent from here until :meth:`HttpServer.resume`; :attr:`HttpServer.stalled` tells."""
    speed: int = 0
    """Bytes per second; 0: as fast as possible."""
    silent: bool = False
    """The request is read and never answered."""
    raw: bytes | None = None
    """Sent verbatim instead of any answer, then the connection is closed."""
    redirect: str = ""
    """Location of a redirect; ``status`` is 302 where it is not given."""
    ranges: bool = False
    """A Range of one part is answered with that part, unless If-Range names neither its ETag nor its Last-Modified."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request that has arrived. Names of headers are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]


class HttpServer:
    """Serves ``replies`` by path (with or without query), and below ``directory`` files with faults by query.

    Runs from ``with`` to its end, one thread per connection, on ``host`` and a free port unless one is given; or on
    ``listener``, a socket that listens already and is closed at the end.
    """

    def __init__(
        self,
        replies: Mapping[str, Reply] | None = None,
        *,
        directory: Path | None = None,
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        listener: socket.socket | None = None,
    ) -> None:
        self.replies = dict(replies or {})
        self.requests: list[Request] = []
        self.connections = 0
        self.stalled = threading.Event()
        """Set once an answer has reached its ``stall_after`` or was asked for and is ``silent``."""
        self._directory = directory
        self._tls = tls
        self._host = host
        self._listener = listener or socket.create_server((host, port), backlog=256)
        self.port = int(self._listener.getsockname()[1])
        self._resumed = threading.Event()
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._open: dict[threading.Thread, socket.socket] = {}
        self._acceptor = threading.Thread(target=self._accept, name="httpserver", daemon=True)

    def url(self, path: str = "/") -> str:
        """The URL of ``path`` on this server."""
        return f"{'https' if self._tls else 'http'}://{self._host}:{self.port}{path}"

    def resume(self) -> None:
        """Let every stalled answer, and those that would stall later, go on."""
        self._resumed.set()

    def __enter__(self) -> Self:
        self._acceptor.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening, drop every connection and wait for the threads."""
        self._stopping.set()
        self._resumed.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        if self._acceptor.is_alive():
            self._acceptor.join()
        self._listener.close()
        with self._lock:
            current = dict(self._open)
        for sock in current.values():
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
        for thread in current:
            thread.join()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(
                target=self._serve, args=(sock,), name="httpserver-connection", daemon=True
            )
            with self._lock:
                self.connections += 1
                self._open[thread] = sock
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        try:
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_side=True)
                with self._lock:
                    self._open[threading.current_thread()] = sock
            with sock.makefile("rb") as incoming:
                while (request := _read_request(incoming)) is not None:
                    with self._lock:
                        self.requests.append(request)
                    if not self._answer(sock, request):
                        break
        except OSError:
            pass  # the client has gone, or the server is closing
        finally:
            with contextlib.suppress(OSError):
                sock.close()
            with self._lock:
                self._open.pop(threading.current_thread(), None)

    def _reply(self, request: Request) -> Reply:
        split = urlsplit(request.path)
        found = self.replies.get(request.path) or self.replies.get(split.path)
        if found is not None:
            return found
        if self._directory is not None:
            path = (self._directory / unquote(split.path).lstrip("/")).resolve()
            if path.is_relative_to(self._directory.resolve()) and path.is_file():
                return with_query(Reply(path), split.query)
        return Reply(b"no such file\n", status=404)

    def _answer(self, sock: socket.socket, request: Request) -> bool:
        """Answer one request; whether the connection stays open."""
        reply = self._reply(request)
        if reply.silent:
            self.stalled.set()
            self._resumed.wait()
            return False
        if reply.raw is not None:
            sock.sendall(reply.raw)
            return False
        true_size = len(reply.body) if isinstance(reply.body, bytes) else reply.body.stat().st_size
        stays = request.headers.get("connection", "").lower() != "close" and reply.announce is None
        reply, start, true_size = _part(reply, request, true_size)
        sock.sendall(_header(reply, true_size - start, stays))
        if request.method == "HEAD":
            return stays
        end = min(x for x in (true_size, reply.truncate_after, reply.reset_after) if x is not None)
        stop = end if reply.stall_after is None else min(end, reply.stall_after)
        self._send(sock, reply, start, stop)
        if stop < end or reply.stall_after == end:
            self.stalled.set()
            self._resumed.wait()
            self._send(sock, reply, stop, end)
        if reply.reset_after is not None:
            _reset(sock)
            return False
        if reply.truncate_after is not None:
            return False
        if reply.chunk:
            sock.sendall(b"0\r\n\r\n")
        if isinstance(sock, ssl.SSLSocket) and not stays:
            sock.unwrap()  # says goodbye; without it the body may have been cut short
        return stays

    def _send(self, sock: socket.socket, reply: Reply, start: int, end: int) -> None:
        plain = not (reply.chunk or reply.speed or isinstance(sock, ssl.SSLSocket))
        if isinstance(reply.body, Path) and plain:
            if end > start:
                with reply.body.open("rb") as file:
                    sock.sendfile(file, start, end - start)
            return
        for offset, piece in _pieces(reply, start, end):
            if reply.chunk:
                broken = reply.broken_chunk_after is not None and offset >= reply.broken_chunk_after
                sock.sendall(b"%s\r\n%s\r\n" % (b"not a size" if broken else b"%x" % len(piece), piece))
            else:
                sock.sendall(piece)
            if reply.speed and self._stopping.wait(len(piece) / reply.speed):
                return


def with_query(reply: Reply, query: str) -> Reply:
    """``reply`` with the fields that ``query`` names, for example ``status=503`` or ``speed=1000``."""
    changes: dict[str, object] = {}
    kinds = {one.name: one.type for one in fields(Reply)}
    for name, value in parse_qsl(query):
        kind = kinds.get(name)
        if kind in (int, int | None):
            changes[name] = int(value)
        elif kind is bool:
            changes[name] = value not in ("", "0", "no", "false")
        elif kind is str:
            changes[name] = value
        elif name == "encoding":
            changes["headers"] = {**reply.headers, "Content-Encoding": value}
    return replace(reply, **changes)  # type: ignore[arg-type]


def _read_request(incoming: BinaryIO) -> Request | None:
    first = incoming.readline(65536).decode("latin-1").split()
    if len(first) != 3:
        return None
    headers = {}
    while line := incoming.readline(65536).decode("latin-1").strip():
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return Request(first[0], first[1], headers)


def _part(reply: Reply, request: Request, size: int) -> tuple[Reply, int, int]:
    """The reply for the part that is asked for, and where it begins and ends; or that for the whole."""
    asked = re.fullmatch(r"bytes=([0-9]+)-([0-9]*)", request.headers.get("range", ""))
    condition = request.headers.get("if-range")
    known = {value for name, value in reply.headers.items() if name.lower() in ("etag", "last-modified")}
    if not reply.ranges or asked is None or (condition is not None and condition not in known):
        return reply, 0, size
    start, end = int(asked[1]), min(size, int(asked[2] or size) + 1)
    if start >= size:
        return (
            replace(reply, status=416, headers={**reply.headers, "Content-Range": f"bytes */{size}"}),
            size,
            size,
        )
    headers = {**reply.headers, "Content-Range": f"bytes {start}-{end - 1}/{size}"}
    part = replace(
        reply,
        status=206,
        headers=headers,
        truncate_after=_later(reply.truncate_after, start),
        reset_after=_later(reply.reset_after, start),
        stall_after=_later(reply.stall_after, start),
    )
    return part, start, end


def _later(position: int | None, start: int) -> int | None:
    return position if position is not None and position > start else None


def _header(reply: Reply, true_size: int, stays: bool) -> bytes:
    status = 302 if reply.redirect and reply.status == 200 else reply.status
    phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Unknown"
    lines = [f"HTTP/1.1 {status} {phrase}", f"Connection: {'keep-alive' if stays else 'close'}"]
    if reply.redirect:
        lines.append(f"Location: {reply.redirect}")
    if reply.chunk:
        lines.append("Transfer-Encoding: chunked")
    elif reply.announce is None:
        lines.append(f"Content-Length: {true_size}")
    elif reply.announce >= 0:
        lines.append(f"Content-Length: {reply.announce}")
    lines += [f"{name}: {value}" for name, value in reply.headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def _pieces(reply: Reply, start: int, end: int) -> Iterator[tuple[int, bytes]]:
    """Offset and bytes of each piece to be sent at once."""
    step = reply.chunk or _PIECE
    if reply.speed:
        step = min(step, max(1, reply.speed // _TICKS_PER_SECOND))
    if isinstance(reply.body, bytes):
        for offset in range(start, end, step):
            yield offset, reply.body[offset : min(offset + step, end)]
        return
    with reply.body.open("rb") as file:
        file.seek(start)
        for offset in range(start, end, step):
            yield offset, file.read(min(step, end - offset))


def _reset(sock: socket.socket) -> None:
    """Send RST once the other side's kernel has everything (a reset throws unsent bytes away)."""
    deadline = monotonic() + 10
    waiting = struct.pack("i", 0)
    pause = threading.Event()
    while monotonic() < deadline and struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, waiting))[0]:
        pause.wait(0.001)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def main() -> None:
    """Serve a directory until interrupted."""
    parser = argparse.ArgumentParser(description="Serve files over HTTP with faults asked for in the query.")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args()
    with HttpServer(directory=options.directory, host=options.host, port=options.port) as server:
        sys.stdout.write(f"serving {options.directory} on {server.url()}\n")
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
