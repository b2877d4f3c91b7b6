"""Receiving, writing and adopting against the floor.

Method: 1 GiB of random bytes comes from memory in chunks of 256 KiB, as from a fast client, into a staged file; it is
hashed with md5 and sha512 on the way, and a file store on the same file system adopts it. Then the same bytes are
written by a file store from memory, and copied by it inside the kernel. The floor (the time to hash the same bytes in
two parallel threads) is measured before each round; printed are the medians of ``--rounds`` and, for what is hashed,
their ratio to it. Processor seconds tell more than seconds on a busy machine.

    .venv/bin/python -m benchmarks.staging --size 1024 --rounds 5
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from benchmarks.floor import floor
from glimpse.staging.area import Area
from glimpse.staging.budget import ByteBudget
from glimpse.staging.ingest import receive
from glimpse.stores.file import FileStore
from glimpse.stores.file.writer import FileWriter
from glimpse.transfer.extent import Extent

MIB = 1 << 20
CHUNK = 256 << 10
IMAGE = "image"

Figures = dict[str, list[tuple[float, float]]]


class Round:
    """One measurement of everything, in a directory of its own."""

    def __init__(self, base: Path, size: int, sync: bool, figures: Figures) -> None:
        self.area = Area(base / "staging")
        self.size = size
        self._figures = figures
        options = {"filesystem_store_datadir": base / "store", "filesystem_store_sync": sync}
        self.store = FileStore("main", options)
        self.store.check()
        self._data = os.urandom(8 * MIB)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Note the seconds and processor seconds of the block."""
        wall, processor = time.perf_counter(), time.process_time()
        yield
        self._figures[name].append((time.perf_counter() - wall, time.process_time() - processor))

    def pieces(self, length: int) -> Iterator[tuple[int, bytes]]:
        """The bytes with their offsets, in pieces."""
        for offset in range(0, self.size, length):
            at = offset % len(self._data)
            yield offset, self._data[at : at + length]

    async def chunks(self) -> AsyncIterator[bytes]:
        """The bytes as a client sends them."""
        for _, piece in self.pieces(CHUNK):
            yield piece

    def run(self) -> None:
        """Measure once."""
        source = self.area.directory / "source"
        self.area.check()
        with source.open("wb") as file:
            for _, piece in self.pieces(MIB):
                file.write(piece)
        self._figures["floor"].append((floor(source), 0.0))
        staged = self._receive(())
        self.area.remove(IMAGE)
        staged = self._receive(("md5", "sha512"))
        with self.timed("adopt"):
            adoption = self.store.adopt(staged, IMAGE, 2)
            assert adoption is not None
            adoption.commit()
        self.area.remove(IMAGE)
        self._write("write from memory", self._fill)
        with source.open("rb") as file:
            self._write("copy by the kernel", lambda writer: writer.copy_from(file.fileno(), 0, self.size))
        source.unlink()

    def _fill(self, writer: FileWriter) -> None:
        for offset, piece in self.pieces(MIB):
            writer.write(Extent(offset, len(piece), piece))

    def _receive(self, digests: tuple[str, ...]) -> Path:
        writer = self.area.create(IMAGE, 1)
        with ThreadPoolExecutor(8) as pool, self.timed("stage, hashed" if digests else "stage"):
            budget = ByteBudget(64 * MIB)
            asyncio.run(
                receive(self.chunks(), writer, budget=budget, pool=pool, digests=digests, size_cap=self.size)
            )
            return writer.commit().path

    def _write(self, name: str, work: Callable[[FileWriter], object]) -> None:
        self.store.sweep(IMAGE, ())
        with self.timed(name):
            writer = self.store.writer(IMAGE, 3, self.size)
            work(writer)
            writer.commit()
        self.store.sweep(IMAGE, ())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--size", type=int, default=1024, help="MiB")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-sync", action="store_true", help="do not wait for the disk at commit")
    parser.add_argument("--directory", type=Path, help="on the file system to measure")
    told = parser.parse_args()
    figures: Figures = defaultdict(list)
    for _ in range(told.rounds):
        with tempfile.TemporaryDirectory(dir=told.directory) as base:
            Round(Path(base), told.size * MIB, not told.no_sync, figures).run()
    base_time = statistics.median(wall for wall, _ in figures["floor"])
    for name, measured in figures.items():
        wall = statistics.median(wall for wall, _ in measured)
        processor = statistics.median(processor for _, processor in measured)
        print(f"{name:20} {wall:7.3f} s  {wall / base_time:5.2f} x floor  {processor:6.2f} s of processor")


if __name__ == "__main__":
    main()
