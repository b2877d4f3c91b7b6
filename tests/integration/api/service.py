"""A real api process on a free port, with a directory of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol, Self, TypeVar

import httpx
import psutil

from glimpse.catalog import Catalog, Database
from glimpse.config import load
from tests.servers.databases import Databases

START_SECONDS = 60.0
STOP_SECONDS = 20.0
MAIN = (
    "from glimpse.api.environment import settings_of_environment\n"
    "from glimpse.api.server import run\n"
    "from glimpse.cli.logs import configure\n"
    "settings = settings_of_environment()\n"
    "configure(settings)\n"
    "run(settings)\n"
)
BYTES = {"Content-Type": "application/octet-stream"}
CONNECTION = "database.connection"
V21 = {"Content-Type": "application/openstack-images-v2.1-json-patch"}


S = TypeVar("S", bound="Api", covariant=True)


class Api:
    """The service, and plain HTTP to it. ``overrides`` are options, keyed ``section.option``; with a
    ``configuration``, a file, the embedded defaults hold no more.
    """

    scheme = "http"

    def __init__(
        self,
        directory: Path,
        overrides: Mapping[str, object] | None = None,
        configuration: Path | None = None,
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.port: int = server.getsockname()[1]
        self.data = directory
        self.data.mkdir(parents=True, exist_ok=True)
        options = {"DEFAULT.bind_port": self.port, **(overrides or {})}
        files = [] if configuration is None else [configuration]
        self.settings = load(files, (), directory, options)
        self.catalog = Catalog(Database(self.settings.database.connection))
        self.catalog.db.upgrade()
        source = {
            "files": [str(file) for file in files],
            "dirs": [],
            "data": str(directory),
            "overrides": options,
        }
        self.log = directory / "api.log"
        with self.log.open("wb") as log:
            environment = {**os.environ, "GLIMPSE_CONFIG": json.dumps(source)}
            self.process = self.spawn([sys.executable, "-c", MAIN], log, environment)
        self.url = f"{self.scheme}://127.0.0.1:{self.port}"
        self.http = self.client()
        self.wait(self._answers, START_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def client(self) -> httpx.Client:
        """What this speaks to the service with."""
        return httpx.Client(base_url=self.url, timeout=30)

    def spawn(
        self, command: Sequence[str], log: BinaryIO, environment: Mapping[str, str] | None = None
    ) -> "subprocess.Popen[bytes]":
        """Start a process of the service, which writes to ``log``."""
        return subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    def stop(self) -> int:
        """End the service; its exit status. Nothing of it is left."""
        self.http.close()
        self.catalog.db.close()
        children = (
            psutil.Process(self.process.pid).children(recursive=True) if self.process.poll() is None else []
        )
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(STOP_SECONDS)
        finally:
            self.process.kill()
            self.process.wait()
            _, left = psutil.wait_procs(children, STOP_SECONDS)
            for process in left:
                process.kill()
        assert not left, "processes were left behind"
        return status

    def workers(self) -> list[psutil.Process]:
        """The processes that answer."""
        return [
            child
            for child in psutil.Process(self.process.pid).children()
            if child.status() != psutil.STATUS_ZOMBIE and "resource_tracker" not in " ".join(child.cmdline())
        ]

    def wait(self, condition: Callable[[], object], seconds: float = 10.0) -> None:
        """Until it holds; fails with the log after ``seconds``."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"waited in vain; the log says:\n{self.log.read_text()}"
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.02)

    def create(self, token: str | None = None, /, **body: object) -> str:
        """A new image's id; raw and bare unless the body says otherwise."""
        answer = self.http.post(
            "/v2/images", json={"disk_format": "raw", "container_format": "bare", **body}, headers=auth(token)
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def show(self, image_id: str) -> dict[str, object]:
        """The image as an admin sees it."""
        answer = self.http.get(f"/v2/images/{image_id}")
        assert answer.status_code == 200, answer.text
        shown: dict[str, object] = answer.json()
        return shown

    def put(self, image_id: str, data: bytes, kind: str = "file", **headers: str) -> httpx.Response:
        """Upload."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.put(f"/v2/images/{image_id}/{kind}", content=data, headers={**BYTES, **named})

    def active(self, data: bytes, **body: object) -> str:
        """The id of a new image that has this data."""
        image_id = self.create(**body)
        answer = self.put(image_id, data)
        assert answer.status_code == 204, answer.text
        return image_id

    def files(self) -> set[str]:
        """Every file in stores and staging, by its path below the data directory."""
        places = [self.data / "stores", self.data / "staging"]
        return {
            str(path.relative_to(self.data))
            for place in places
            for path in place.rglob("*")
            if path.is_file()
        }

    def wait_begun(self, image_id: str) -> None:
        """Until an upload has the image."""
        self.wait(lambda: self.show(image_id)["status"] != "queued")

    def wait_queued(self, image_id: str) -> None:
        """Until the image has been put back, with nothing left of it anywhere."""
        self.wait(lambda: self.show(image_id)["status"] == "queued")
        self.wait(lambda: not [name for name in self.files() if image_id in name])
        assert self.show(image_id)["size"] is None

    def _answers(self) -> bool:
        try:
            return self.http.get("/healthcheck").status_code == 200
        except httpx.TransportError:
            return False


class Upload:
    """An upload over a plain socket, which can do what no client library does."""

    def __init__(self, api: Api, image_id: str, kind: str = "file", **headers: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", api.port), timeout=30)
        lines = [
            f"PUT /v2/images/{image_id}/{kind} HTTP/1.1",
            "Host: test",
            "Content-Type: application/octet-stream",
        ]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())

    def send(self, data: bytes) -> None:
        """Part of the body."""
        self.socket.sendall(data)

    def send_chunk(self, data: bytes) -> None:
        """One chunk of a chunked body; an empty one ends it."""
        self.socket.sendall(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def status(self) -> int:
        """The status code of the answer."""
        answer = b""
        while b"\r\n" not in answer:
            received = self.socket.recv(4096)
            assert received, "closed without an answer"
            answer += received
        return int(answer.split()[1])

    def close(self, *, reset: bool = False) -> None:
        """Go away; with ``reset`` not even politely."""
        if reset:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.socket.close()


class Kind(Protocol[S]):
    """How a service is made: from its directory and its options."""

    def __call__(self, directory: Path, overrides: Mapping[str, object], /) -> S:
        """Start it."""


@contextmanager
def served(
    kind: Kind[S], backend: Databases, directory: Path, options: Mapping[str, object] | None = None
) -> Iterator[S]:
    """A running service with a database of its own, which goes with it."""
    url = backend.empty()
    with kind(directory, {CONNECTION: url, **(options or {})}) as running:
        yield running
    backend.drop(url)


def auth(token: str | None) -> dict[str, str]:
    """The header for a token ``user:project:roles``."""
    return {} if token is None else {"X-Auth-Token": token}
