"""Listing while many uploads trickle: the p99 of `GET /v2/images?limit=25` beside slow clients.

    .venv/bin/python -m benchmarks.trickle [--uploads 200 2000] [--seconds 10]

Every upload is a connection of its own that sends 1 KiB ten times a second (10 KiB/s). 100 images exist. One client lists
without pause on a connection that it keeps.
"""

import argparse
import asyncio
import http.client
import resource
import shutil
import tempfile
import threading
import time
from pathlib import Path
from statistics import median, quantiles

from benchmarks.client import Client
from benchmarks.service import resident, service


async def trickle(port: int, images: list[str], begun: threading.Event, ending: threading.Event) -> int:
    """Keep one slow upload per image going until `ending`; how many were cut off by the service."""
    lost = 0

    async def upload(image: str) -> None:
        nonlocal lost
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = (
            f"PUT /v2/images/{image}/file HTTP/1.1\r\nHost: x\r\n"
            "Content-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        writer.write(head.encode())
        piece = b"400\r\n" + bytes(1024) + b"\r\n"
        try:
            while not ending.is_set():
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.1)
            writer.write(b"0\r\n\r\n")
            answer = await reader.readline()
            lost += b" 204 " not in answer
        except OSError:
            lost += 1
        finally:
            writer.close()

    tasks = [asyncio.create_task(upload(image)) for image in images]
    await asyncio.sleep(2)
    begun.set()
    await asyncio.gather(*tasks)
    return lost


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
    begun, ending = threading.Event(), threading.Event()
    lost: list[int] = []
    thread = threading.Thread(
        target=lambda: lost.append(asyncio.run(trickle(client.port, images, begun, ending)))
    )
    thread.start()
    begun.wait()
    report(f"{uploads} trickling uploads", list_for(client.port, seconds))
    ending.set()
    thread.join()
    print(f"{'':24} uploads that did not end well: {lost[0]}")
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
