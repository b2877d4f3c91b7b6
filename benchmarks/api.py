"""Show, list and create: requests in a second on 8 connections, two api processes, policy checks on.

    .venv/bin/python -m benchmarks.api [--databases sqlite postgresql] [--images 2000] [--crowd]

2,000 images with two properties and one location each. ``--crowd`` adds the listing of 100,000 images. The median of
three runs of each; processor time is that of the api processes for each request.
"""

import argparse
import json
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import psutil

from benchmarks.load import load
from benchmarks.service import service
from tests import crowd
from tests.servers.postgresql import PostgreSQL
from tests.servers.server import administer

HEAD = "Host: 127.0.0.1\r\nAccept: application/json\r\n"
DATA = b"x" * 1024
RUNS = 3


class SafePostgreSQL(PostgreSQL):
    """As tests have it, but what is committed survives a power failure."""

    def command(self) -> list[str | Path]:
        unsafe = {"fsync=off", "full_page_writes=off", "synchronous_commit=off"}
        words = [word for word in super().command() if word not in unsafe]
        return [word for at, word in enumerate(words) if word != "-c" or words[at + 1 : at + 2] != ["-c"]]


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\n{HEAD}\r\n".encode()


def post(path: str, body: object) -> bytes:
    text = json.dumps(body)
    head = f"POST {path} HTTP/1.1\r\n{HEAD}Content-Type: application/json\r\nContent-Length: {len(text)}"
    return f"{head}\r\n\r\n{text}".encode()


def put_data(image: str) -> bytes:
    head = f"PUT /v2/images/{image}/file HTTP/1.1\r\n{HEAD}Content-Type: application/octet-stream\r\n"
    return f"{head}Content-Length: {len(DATA)}\r\n\r\n".encode() + DATA


def new_image(number: int) -> bytes:
    body = {"name": f"image {number}", "disk_format": "raw", "container_format": "bare"}
    return post("/v2/images", {**body, "os_distro": "debian", "hw_disk_bus": "virtio"})


class Measured:
    """The api processes of a service, and what requests cost there."""

    def __init__(self, supervisor: psutil.Process, port: int) -> None:
        self._port = port
        self._supervisor = supervisor

    def _seconds(self) -> float:
        total = 0.0
        for process in self._supervisor.children(recursive=True):
            if "conductor" not in process.cmdline():
                times = process.cpu_times()
                total += times.user + times.system
        return total

    def report(self, what: str, request: Callable[[int], bytes], *, count: int, status: int) -> None:
        before = self._seconds()
        runs = [load(self._port, request, count=count, status=status) for _ in range(RUNS)]
        spent = (self._seconds() - before) / (count * RUNS)
        rates = sorted(run.rate for run in runs)
        print(
            f"{what:40} {median(rates):7.0f}/s ({rates[0]:.0f} to {rates[-1]:.0f}), "
            f"p99 {runs[-1].percentile(99) * 1000:5.1f} ms, {spent * 1e6:5.0f} us of processor time",
            flush=True,
        )


@contextmanager
def database(kind: str, directory: Path) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{directory}/glimpse.db"
        return
    with SafePostgreSQL() as server:
        administer(server.url(), "CREATE DATABASE glance")
        yield server.url("glance")


def measure(kind: str, images: int) -> None:
    directory = Path(tempfile.mkdtemp(prefix="glimpse-bench-"))
    try:
        with (
            database(kind, directory) as url,
            service(directory, "workers = 2", database=url) as (client, process),
        ):
            measured = Measured(process, client.port)
            measured.report(f"{kind}: create", new_image, count=images // 2, status=201)
            ids = listed(client.call)
            while len(ids) < images:
                load(client.port, new_image, count=images - len(ids), status=201)
                ids = listed(client.call)
            load(client.port, lambda number: put_data(ids[number]), count=images, status=204)
            random.Random(1).shuffle(ids)
            shows = [get(f"/v2/images/{image}") for image in ids]
            measured.report(
                f"{kind}: show", lambda number: shows[number % images], count=2 * images, status=200
            )
            pages = [get("/v2/images?limit=25")]
            measured.report(f"{kind}: list 25 of {images}", lambda _: pages[0], count=images, status=200)
    finally:
        shutil.rmtree(directory)


def measure_crowd(kind: str) -> None:
    directory = Path(tempfile.mkdtemp(prefix="glimpse-bench-"))
    try:
        with database(kind, directory) as url:
            crowd.fill(url)
            with service(directory, "workers = 2", database=url) as (client, process):
                page = get("/v2/images?limit=25")
                Measured(process, client.port).report(
                    f"{kind}: list 25 of {crowd.IMAGES}", lambda _: page, count=2000, status=200
                )
    finally:
        shutil.rmtree(directory)


def listed(call: Callable[[str, str], tuple[int, dict[str, object]]]) -> list[str]:
    """The ids of all images."""
    found: list[str] = []
    path: str | None = "/v2/images?limit=1000"
    while path:
        status, page = call("GET", path)
        assert status == 200, page
        found += [image["id"] for image in page["images"]]  # type: ignore[attr-defined]
        path = page.get("next")  # type: ignore[assignment]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--crowd", action="store_true")
    options = parser.parse_args()
    for kind in options.databases:
        measure(kind, options.images)
        if options.crowd:
            measure_crowd(kind)


if __name__ == "__main__":
    main()
