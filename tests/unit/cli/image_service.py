"""The smallest Image service to drive an import against: a real HTTP server, answers set by the test."""

import json
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

Answer = tuple[int, object]

IMAGE = "11111111-2222-3333-4444-555555555555"


class ImageService:
    """``looks`` are the answers to successive looks at a path (the last one repeats); requests are kept."""

    def __init__(self, *, methods: str = "glance-direct,web-download") -> None:
        self.methods = methods
        self.requests: list[tuple[str, str, bytes]] = []
        self.headers: dict[str, str] = {}
        self.looks: dict[str, list[Answer]] = {}
        self.answers: dict[str, Answer] = {
            "POST /v2/images": (201, {"id": IMAGE, "status": "queued"}),
            f"PUT /v2/images/{IMAGE}/stage": (204, None),
            f"POST /v2/images/{IMAGE}/import": (202, None),
        }
        self._connections: list[socket.socket] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,)).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def look(self, path: str, *answers: Answer) -> None:
        """What GETs of the image's ``path`` are answered with, one after the other."""
        self.looks[f"GET /v2/images/{IMAGE}{path}"] = list(answers)

    def sent(self, request: str) -> bytes:
        """The body of the one request like ``POST /v2/images`` that came."""
        (body,) = [body for method, path, body in self.requests if f"{method} {path}" == request]
        return body

    def answer(self, request: str) -> Answer:
        """What this request is answered with now."""
        queue = self.looks.get(request)
        if queue:
            return queue.pop(0) if len(queue) > 1 else queue[0]
        return self.answers.get(request, (404, {"message": f"nothing at {request}"}))

    def _handler(self) -> Callable[..., BaseHTTPRequestHandler]:
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                service._connections.append(self.connection)

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                service.requests.append((self.command, self.path, body))
                service.headers = {name.lower(): value for name, value in self.headers.items()}
                status, content = service.answer(f"{self.command} {self.path}")
                said = (
                    content
                    if isinstance(content, bytes)
                    else b""
                    if content is None
                    else json.dumps(content).encode()
                )
                self.send_response(status)
                if self.path == "/v2/images":
                    self.send_header("OpenStack-image-import-methods", service.methods)
                if status != 204:
                    self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def do_GET(self) -> None:
                self._serve()

            def do_POST(self) -> None:
                self._serve()

            def do_PUT(self) -> None:
                self._serve()

            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

        return Handler


def record(status: str, **more: object) -> dict[str, object]:
    """An import record as the service shows it."""
    return {
        "id": "r",
        "image_id": IMAGE,
        "status": status,
        "phases": [],
        "stores": [],
        "message": "",
        "error": None,
    } | more
