"""A lean HTTP client for benchmarks, so that the client costs as little as a client can."""

import http.client
import json
import os
import socket
import time
from pathlib import Path
from typing import Any

READ = 4 << 20


class Client:
    """Calls of the Image API on one endpoint of this host."""

    def __init__(self, port: int) -> None:
        self.port = port

    def call(self, verb: str, path: str, body: object = None) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        data = None if body is None else json.dumps(body)
        connection.request(verb, path, data, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        is_json = (answer.getheader("Content-Type") or "").startswith("application/json")
        return answer.status, json.loads(text) if is_json and text else None

    def create(self, disk_format: str) -> str:
        status, image = self.call(
            "POST", "/v2/images", {"name": "bench", "disk_format": disk_format, "container_format": "bare"}
        )
        assert status == 201, (status, image)
        return str(image["id"])

    def put(self, path: str, source: Path) -> None:
        """Send a file by the kernel (sendfile), as a good client does."""
        size = source.stat().st_size
        with socket.create_connection(("127.0.0.1", self.port)) as connection, source.open("rb") as file:
            head = (
                f"PUT {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/octet-stream\r\n"
                f"Content-Length: {size}\r\nConnection: close\r\n\r\n"
            )
            connection.sendall(head.encode())
            offset = 0
            while offset < size:
                offset += os.sendfile(connection.fileno(), file.fileno(), offset, READ)
            answer = b""
            while chunk := connection.recv(65536):
                answer += chunk
        assert b" 204 " in answer.split(b"\r\n")[0], answer[:500]

    def start_import(self, image: str, body: object) -> None:
        status, answer = self.call("POST", f"/v2/images/{image}/import", body)
        assert status == 202, (status, answer)

    def wait_active(self, image: str, seconds: float = 300, look: float = 0.02) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            record: dict[str, Any] = self.call("GET", f"/v2/images/{image}")[1]
            if record["status"] == "active":
                return record
            if record["status"] == "queued":
                raise SystemExit(f"import failed: {self.call('GET', f'/v2/images/{image}/import')[1]}")
            time.sleep(look)
        raise SystemExit("import did not end in time")

    def download(self, image: str) -> int:
        """Read the image's bytes and drop them; how many there were."""
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.sendall(
                f"GET /v2/images/{image}/file HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()
            )
            buffer, total = bytearray(READ), 0
            while read := connection.recv_into(buffer):
                total += read
        return total
