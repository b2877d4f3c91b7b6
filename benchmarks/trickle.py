"""Listing while many uploads trickle: the p99 of `GET /v2/images?limit=25` beside slow clients.

    .venv/bin/python -m benchmarks.trickle [--uploads 200 2000] [--seconds 10]

Every upload is a connection of its own that sends 1,460 bytes (a packet) seven times a second (10 KiB/s). 100 images
exist; one client lists on a connection that it keeps, with 5 ms between two listings.
"""

import argparse
import http.client
import resource
import shutil
import socket
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from statistics import median, quantiles

from benchmarks.client import Client
from benchmarks.service import resident, service

PACKET = 1460
TIMES_A_SECOND = 7
SLICES = 20
CHUNK = f"{PACKET:x}\r\n".encode() + bytes(PACKET) + b"\r\n"


class Trickle(threading.Thread):
    """Slow uploads on plain sockets in one thread, so that the client costs next to nothing.

    Each sends a packet's worth seven times a second; the sockets take turns evenly.
    """

    def __init__(self, port: int, images: list[str]) -> None:
        super().__init__()
        self.lost = 0
        self._ending = threading.Event()
        self._sockets = [self._begin(port, image) for image in images]

    def _begin(self, port: int, image: str) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", port))
        connection.sendall(
            (
                f"PUT /v2/images/{image}/file HTTP/1.1\r\nHost: x\r\n"
                "Content-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
            ).encode()
        )
        return connection

    def run(self) -> None:
        pause = 1 / (TIMES_A_SECOND * SLICES)
        due = time.monotonic()
        while not self._ending.is_set():
            for number in range(SLICES):
                for connection in self._sockets[number::SLICES]:
                    with suppress(OSError):
                        connection.sendall(CHUNK)
                due += pause
                time.sleep(max(0.0, due - time.monotonic()))
        for connection in self._sockets:
            self.lost += not self._ended(connection)

    def _ended(self, connection: socket.socket) -> bool:
        with connection:
            try:
                connection.sendall(b"0\r\n\r\n")
                return b" 204 " in connection.recv(100)
            except OSError:
                return False

    def stop(self) -> None:
        self._ending.set()
        self.join()


def list_for(port: int, seconds: float) -> list[float]:
    """Seconds that each listing took."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    times = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.perf_counter()
        connection.request("GET", "/v2/images?limit=25")
        connection.getresponse().read()
        times.append(time.perf_counter() - began)
        time.sleep(0.005)
    return times


def report(what: str, times: list[float]) -> None:
    p99 = quantiles(times, n=100)[98]
    print(
        f"{what:24} {len(times):5} listings, median {median(times) * 1000:6.1f} ms, p99 {p99 * 1000:6.1f} ms, "
        f"most {max(times) * 1000:6.1f} ms",
        flush=True,
    )


def measure(client: Client, uploads: int, seconds: float) -> None:
    images = [client.create("raw") for _ in range(uploads)]
    slow = Trickle(client.port, images)
    slow.start()
    while any(
        client.call("GET", f"/v2/images/{image}")[1]["status"] != "saving"
        for image in images[:: len(images) // 10]
    ):
        time.sleep(0.1)
    report(f"{uploads} trickling uploads", list_for(client.port, seconds))
    slow.stop()
    print(f"{'':24} uploads that did not end well: {slow.lost}")
    for image in images:
        client.call("DELETE", f"/v2/images/{image}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--uploads", type=int, nargs="+", default=[200, 2000])
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    directory = Path(tempfile.mkdtemp(prefix="glimpse-bench-"))
    try:
        with service(directory) as (client, process):
            for _ in range(100):
                client.create("raw")
            report("no uploads", list_for(client.port, options.seconds))
            for uploads in options.uploads:
                measure(client, uploads, options.seconds)
            print("resident, afterwards (MiB):", resident(process))
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
