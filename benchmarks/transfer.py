"""deliver() against its floor.

Method: a file of random bytes is made once and is in the page cache. The floor is that of ``floor.py``: the
time to hash the same bytes with md5 and sha512 in two parallel threads. deliver() reads the file (zero
detection, both digests) and writes it to one and to three writers: null writers, and file writers that pwrite
into the same file system without syncing. The cases alternate ``--rounds`` times; printed are the median of
each, its processor seconds, and the median of its ratios to the floor measured just before. On a busy machine
the ratios mean little: compare processor seconds.

    .venv/bin/python -m benchmarks.transfer --size 1024 --rounds 5
"""

import argparse
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

from benchmarks.floor import floor
from glimpse.transfer.extent import Extent
from glimpse.transfer.protocols import Writer
from glimpse.transfer.run import deliver
from glimpse.transfer.sources.file import FileSource
from glimpse.transfer.spool import write_at
from glimpse.transfer.zeros import refine

MiB = 1 << 20
ALGORITHMS = ("md5", "sha512")


class NullWriter:
    """Takes everything and keeps nothing."""

    def write(self, extent: Extent) -> None:
        """Forget it."""

    def commit(self) -> str:
        """Nowhere."""
        return "null:"

    def abort(self) -> None:
        """Nothing to remove."""


class PlainFileWriter:
    """Writes into a file as a file store does before its commit."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)

    def write(self, extent: Extent) -> None:
        """Write data; leave zeros out."""
        if extent.data is not None:
            write_at(self._fd, extent.data, extent.offset)

    def commit(self) -> str:
        """Close only: the disk's own speed is not what is measured."""
        os.close(self._fd)
        return self._path.as_uri()

    def abort(self) -> None:
        """Remove the file."""
        self._path.unlink(missing_ok=True)


def delivery(path: Path, count: int, kind: str) -> None:
    """One delivery into ``count`` writers."""
    writers: dict[str, Writer] = {}
    for number in range(count):
        target = path.with_suffix(f".{number}")
        writers[f"store{number}"] = NullWriter() if kind == "null" else PlainFileWriter(target)
    with closing(FileSource(path)) as source:
        done = deliver(refine(source.extents()), writers, algorithms=ALGORITHMS, total=source.size)
    for writer in writers.values():
        writer.commit()
    for target in path.parent.glob(f"{path.name}.*"):
        target.unlink()
    if done.size != path.stat().st_size:
        raise SystemExit("the delivery is not complete")


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Wall-clock and processor seconds of one call."""
    begin, used = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - begin, time.process_time() - used


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(
        description="deliver() as a ratio to two parallel digests of the same bytes"
    )
    parser.add_argument(
        "--size", type=int, default=1024, metavar="MIB", help="size of the file (default 1024)"
    )
    parser.add_argument("--rounds", type=int, default=3, help="how often each case runs (default 3)")
    parser.add_argument(
        "--directory", type=Path, help="where the files are made (default: the temporary directory)"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.directory) as directory:
        path = Path(directory) / "image"
        with path.open("wb") as file:
            for _ in range(options.size):
                file.write(os.urandom(MiB))
        cases: dict[str, Callable[[], object]] = {}
        for kind in ("null", "file"):
            for count in (1, 3):
                name = f"{count} {kind} writer{'s' * (count > 1)}"
                cases[name] = partial(delivery, path, count, kind)
        warm: list[Callable[[], object]] = [*cases.values(), partial(floor, path)]
        for work in warm:
            work()  # Once unmeasured: code, page cache and freed pages are then as they stay.
        resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        results: dict[str, list[tuple[float, float, float]]] = {"floor": []}
        for _ in range(options.rounds):
            for name, work in cases.items():
                base, used = timed(partial(floor, path))
                results["floor"].append((base, used, 1.0))
                wall, used = timed(work)
                results.setdefault(name, []).append((wall, used, wall / base))
    print(f"{'case':16} {'wall s':>8} {'cpu s':>8} {'ratio':>6}")
    for name, times in results.items():
        wall, used, ratio = (statistics.median(column) for column in zip(*times, strict=True))
        print(f"{name:16} {wall:8.2f} {used:8.2f} {ratio:6.2f}")
    print(f"largest resident memory: {resident:.0f} MiB")


if __name__ == "__main__":
    main()
