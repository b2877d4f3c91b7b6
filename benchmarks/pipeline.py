"""The whole pipeline: a 2 GiB disk with 0.75 GiB of data is fetched, decompressed, converted and stored.

    .venv/bin/python -m benchmarks.pipeline [--size 2048] [--runs 3] [--only qcow2.gz]

Each is a ratio to hashing the 2 GiB of the raw disk with md5 and sha512 in two threads, and to decompressing with isal
alone where there is something to decompress, measured anew beside every run. The first is done by hand as well, with
curl, gunzip, qemu-img convert, md5sum beside sha512sum, and three cp one after the other.

"written" is what the service's processes have caused to be written, "staging" the most space taken there, "conductor"
its resident memory at the most.
"""

import argparse
import gzip
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import psutil

from benchmarks.client import Client
from benchmarks.floor import floor
from benchmarks.imports import MiB, gunzip, make_raw
from benchmarks.service import service, written
from benchmarks.watch import Watch
from glimpse.testing.httpserver import HttpServer

PLUGINS = "image_decompression, image_conversion"
STORES = ["one", "two", "three"]


@dataclass(frozen=True, slots=True)
class Disk:
    """The same disk in four forms."""

    raw: Path
    raw_gz: Path
    qcow2: Path
    qcow2_gz: Path

    @classmethod
    def make(cls, directory: Path, size: int) -> "Disk":
        directory.mkdir()
        raw, qcow2 = directory / "disk.raw", directory / "disk.qcow2"
        make_raw(raw, size, 0.375)
        subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, qcow2], check=True)
        return cls(raw, _packed(raw), qcow2, _packed(qcow2))


def _packed(path: Path) -> Path:
    packed = path.with_name(path.name + ".gz")
    with path.open("rb") as source, gzip.open(packed, "wb", compresslevel=1) as target:
        shutil.copyfileobj(source, target, 4 * MiB)
    return packed


@dataclass(slots=True)
class Figures:
    """What the runs of one case have shown."""

    seconds: list[float] = field(default_factory=list)
    bases: list[float] = field(default_factory=list)
    written: list[int] = field(default_factory=list)
    staging: list[int] = field(default_factory=list)
    conductor: list[int] = field(default_factory=list)

    def line(self, name: str, limit: float) -> str:
        ratios = sorted(own / base for own, base in zip(self.seconds, self.bases, strict=True))
        return (
            f"{name:36} {median(self.seconds):5.2f} s  base {median(self.bases):5.2f} s  "
            f"ratio {median(ratios):4.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})  limit {limit}  "
            f"written {median(self.written) / MiB:.0f} MiB  staging {max(self.staging) / MiB:.0f} MiB  "
            f"conductor {max(self.conductor)} MiB"
        )


class Bench:
    """Runs cases against one service."""

    def __init__(self, client: Client, process: psutil.Process, staging: Path, runs: int) -> None:
        self.client = client
        self._process = process
        self._staging = staging
        self._runs = runs

    def measure(
        self,
        name: str,
        limit: float,
        base: Callable[[], float],
        prepare: Callable[[], str],
        action: Callable[[str], None],
    ) -> None:
        """Time ``action`` on the image that ``prepare`` made; its deletion does not count."""
        figures = Figures()
        for _ in range(self._runs):
            figures.bases.append(base())
            image = prepare()
            before = written(self._process)
            with Watch(self._process, self._staging) as watch:
                began = time.perf_counter()
                action(image)
                figures.seconds.append(time.perf_counter() - began)
            figures.written.append(written(self._process) - before)
            figures.staging.append(watch.space)
            figures.conductor.append(watch.memory["conductor"])
            self.client.call("DELETE", f"/v2/images/{image}")
        print(figures.line(name, limit), flush=True)

    def import_(self, image: str, method: dict[str, str], stores: list[str]) -> None:
        self.client.start_import(image, {"method": method, "stores": stores})
        self.client.wait_active(image)


def by_hand(url: str, directory: Path, runs: int) -> None:
    """The same with the plain tools, as a careful operator would type it."""
    script = f"""set -e
cd {directory}
curl -s -o d.qcow2.gz {url}
gunzip d.qcow2.gz
qemu-img convert -f qcow2 -O raw d.qcow2 d.raw
rm d.qcow2
md5sum d.raw & sha512sum d.raw
wait
for store in one two three; do cp --sparse=always d.raw store-$store; done
rm d.raw store-*
"""
    seconds = []
    for _ in range(runs):
        began = time.perf_counter()
        subprocess.run(["bash", "-c", script], check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - began)
    print(f"{'by hand: qcow2.gz to three stores':36} {median(seconds):5.2f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=2048, help="MiB of the disk")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="glimpse-bench-"))
    try:
        disk = Disk.make(directory / "disk", options.size)
        with (
            HttpServer(directory=disk.raw.parent) as server,
            service(directory, plugins=PLUGINS) as (client, process),
        ):
            bench = Bench(client, process, directory / "staging", options.runs)
            cases(bench, disk, server, options.only)
            if options.only in "by hand":
                by_hand(server.url("/disk.qcow2.gz"), directory, options.runs)
    finally:
        shutil.rmtree(directory)


def cases(bench: Bench, disk: Disk, server: HttpServer, only: str) -> None:
    def web(path: Path, stores: list[str]) -> Callable[[str], None]:
        method = {"name": "web-download", "uri": server.url(f"/{path.name}")}
        return lambda image: bench.import_(image, method, stores)

    def staged() -> str:
        image = bench.client.create("qcow2")
        bench.client.put(f"/v2/images/{image}/stage", disk.qcow2)
        return image

    def hashing() -> float:
        return floor(disk.raw)

    if only in "qcow2.gz":
        bench.measure(
            "web qcow2.gz to raw, three stores",
            1.2,
            lambda: gunzip(disk.qcow2_gz) + hashing(),
            lambda: bench.client.create("qcow2"),
            web(disk.qcow2_gz, STORES),
        )
    if only in "staged qcow2":
        bench.measure(
            "staged qcow2 to raw, one store",
            1.25,
            hashing,
            staged,
            lambda image: bench.import_(image, {"name": "glance-direct"}, ["one"]),
        )
    if only in "raw.gz":
        bench.measure(
            "web raw.gz, three stores",
            1.3,
            lambda: max(hashing(), gunzip(disk.raw_gz)),
            lambda: bench.client.create("raw"),
            web(disk.raw_gz, STORES),
        )


if __name__ == "__main__":
    main()
