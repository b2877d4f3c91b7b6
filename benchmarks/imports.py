"""Imports end to end: what a client waits from its first byte to the active image, as ratios to the floor.

    .venv/bin/python -m benchmarks.imports [--size 1024] [--runs 3]

The service runs as an operator runs it (`glimpse serve`), client and service on the same machine, all files on one file
system. The floor (see floor.py) is measured anew beside every run. "written" is what the service's processes have caused
to be written to the disk.
"""

import argparse
import gzip
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import psutil
from isal import igzip

from benchmarks.client import Client
from benchmarks.floor import floor
from benchmarks.service import resident, service, written
from glimpse.testing.httpserver import HttpServer

MiB = 1 << 20


def make_raw(path: Path, size: int, data: float = 1.0) -> None:
    """`size` MiB of which the part `data` is random, in pieces of 8 MiB spread evenly."""
    with path.open("wb") as file:
        file.truncate(size * MiB)
        pieces = size // 8
        for number in range(pieces):
            if int((number + 1) * data) > int(number * data):
                file.seek(number * 8 * MiB)
                file.write(os.urandom(8 * MiB))


def gunzip(path: Path) -> float:
    """Seconds that isal alone takes to decompress the file."""
    began = time.perf_counter()
    with igzip.open(path, "rb") as file:
        while file.read(4 * MiB):
            pass
    return time.perf_counter() - began


def measure(
    name: str,
    runs: int,
    limit: float,
    base: Callable[[], float],
    action: Callable[[], str],
    client: Client,
    process: psutil.Process,
) -> None:
    """Print what `action` takes as a ratio to `base`, measured anew before each run. Its image is deleted then."""
    ratios, seconds, bases, amounts = [], [], [], []
    for _ in range(runs):
        bases.append(base())
        before = written(process)
        began = time.perf_counter()
        image = action()
        seconds.append(time.perf_counter() - began)
        amounts.append(written(process) - before)
        ratios.append(seconds[-1] / bases[-1])
        client.call("DELETE", f"/v2/images/{image}")
    print(
        f"{name:44} {median(seconds):6.2f} s  base {median(bases):5.2f} s  ratio {median(ratios):5.2f}"
        f" ({min(ratios):.2f} to {max(ratios):.2f})  limit {limit}  written {median(amounts) / MiB:6.0f} MiB",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=1024, help="MiB of the raw image")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--directory", type=Path, default=None)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="glimpse-bench-", dir=options.directory))
    try:
        run(directory, options.size, options.runs, options.only)
    finally:
        shutil.rmtree(directory)


def run(directory: Path, size: int, runs: int, only: str) -> None:
    raw = directory / "raw"
    make_raw(raw, size)
    with service(directory) as (client, process):
        print("resident, idle (MiB):", resident(process))

        def staged(stores: int) -> Callable[[], str]:
            def action() -> str:
                image = client.create("raw")
                client.put(f"/v2/images/{image}/stage", raw)
                body: dict[str, object] = {"method": {"name": "glance-direct"}}
                if stores > 1:
                    body["all_stores"] = True
                client.start_import(image, body)
                client.wait_active(image)
                return image

            return action

        for name, stores, limit in (
            ("stage and import, one store", 1, 2.0),
            ("stage and import, three stores", 3, 2.6),
        ):
            if only in name:
                measure(name, runs, limit, lambda: floor(raw), staged(stores), client, process)
        if only in "download":
            downloads(client, raw, runs)
        print("resident, afterwards (MiB):", resident(process))
    raw.unlink()
    if only in "web qcow2.gz to raw, two stores":
        converted(directory, 2 * size, runs)


def downloads(client: Client, raw: Path, runs: int) -> None:
    image = client.create("raw")
    client.put(f"/v2/images/{image}/file", raw)
    size = raw.stat().st_size
    speeds = []
    for _ in range(runs + 1):
        began = time.perf_counter()
        assert client.download(image) > size
        speeds.append(size / (time.perf_counter() - began) / 1e9)
    print(
        f"{'download':44} {median(speeds[1:]):6.2f} GB/s ({min(speeds):.2f} to {max(speeds):.2f})  limit 1.5",
        flush=True,
    )
    client.call("DELETE", f"/v2/images/{image}")


def converted(directory: Path, size: int, runs: int) -> None:
    raw, qcow2, packed = directory / "disk.raw", directory / "disk.qcow2", directory / "disk.qcow2.gz"
    make_raw(raw, size, 0.375)
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, qcow2], check=True)
    with qcow2.open("rb") as source, gzip.open(packed, "wb", compresslevel=1) as target:
        shutil.copyfileobj(source, target, 4 * MiB)
    qcow2.unlink()
    plugins = "image_decompression, image_conversion"
    with HttpServer(directory=directory) as server, service(directory, plugins=plugins) as (client, process):

        def action() -> str:
            image = client.create("qcow2")
            method = {"name": "web-download", "uri": server.url("/disk.qcow2.gz")}
            client.start_import(image, {"method": method, "stores": ["one", "two"]})
            client.wait_active(image)
            return image

        measure(
            "web qcow2.gz to raw, two stores",
            runs,
            1.5,
            lambda: gunzip(packed) + floor(raw),
            action,
            client,
            process,
        )
        print("resident, afterwards (MiB):", resident(process))


if __name__ == "__main__":
    main()
