"""Unpacking against the plain tools.

Method: the same files of this machine (programs and libraries) are packed once by each tool at the level that images
are mostly packed with. Each is then unpacked by the tool into nothing and by ours in this process, in turn
``--rounds`` times; the files are in the page cache. Printed are MB of output per second of the tool and of ours and
the ratio of the two (above 1: ours is faster), by the clock and by processor time, which a busy machine disturbs less.
All are medians.

    .venv/bin/python -m benchmarks.decompress --size 128 --rounds 3
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

from glimpse.transfer.decompress import decompressor

MiB = 1 << 20
LEVELS = {"gzip": "-6", "zstd": "-3", "xz": "-6", "bzip2": "-9", "lz4": "-1"}
PLACES = (Path("/usr/bin"), Path("/usr/lib"), Path(sys.prefix))


def sample(path: Path, size: int) -> None:
    """Write ``size`` bytes of what a system disk holds."""
    left = size
    with path.open("wb") as target:
        for source in chain.from_iterable(sorted(place.rglob("*")) for place in PLACES):
            if source.is_file() and not source.is_symlink() and left:
                data = source.read_bytes()[:left]
                target.write(data)
                left -= len(data)
    if left:
        raise SystemExit(f"This machine has not enough files; {left} bytes are missing.")


def chunks(path: Path) -> Iterator[bytes]:
    """The file a MiB at a time."""
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(MiB):
            yield chunk


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds of one call, and processor seconds of this process and its children."""
    began, used = time.perf_counter(), os.times()
    work()
    took, now = time.perf_counter() - began, os.times()
    return took, sum(now[:4]) - sum(used[:4])


def compare(name: str, plain: Path, rounds: int) -> None:
    """Measure one format and print its line."""
    packed = plain.with_suffix(f".{name}")
    with packed.open("wb") as target:
        subprocess.run([name, LEVELS[name], "-c", plain], stdout=target, check=True)
    size = plain.stat().st_size

    def ours() -> None:
        if sum(map(len, decompressor(name).decompress(chunks(packed)))) != size:
            raise SystemExit(f"{name} did not unpack all")

    def tool() -> None:
        subprocess.run([name, "-dc", packed], stdout=subprocess.DEVNULL, check=True)

    rows: list[tuple[float, ...]] = []
    for _ in range(rounds):
        (theirs, theirs_used), (mine, mine_used) = timed(tool), timed(ours)
        speeds = [size / seconds / 1e6 for seconds in (theirs, mine, theirs_used, mine_used)]
        rows.append((*speeds[:2], theirs / mine, *speeds[2:], theirs_used / mine_used))
    packed.unlink()
    tool_speed, speed, ratio, tool_cpu, cpu, cpu_ratio = (
        statistics.median(column) for column in zip(*rows, strict=True)
    )
    print(
        f"{name:6} {tool_speed:9.0f} {speed:9.0f} {ratio:6.2f} {tool_cpu:9.0f} {cpu:9.0f} {cpu_ratio:6.2f}",
        flush=True,
    )


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description="unpacking as a ratio to the plain tools")
    parser.add_argument("--size", type=int, default=128, metavar="MIB", help="what is unpacked (default 128)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each runs (default 3)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        plain = Path(directory) / "plain"
        sample(plain, options.size * MiB)
        print("       MB/s: tool      ours  ratio  cpu: tool      ours  ratio")
        for name in LEVELS:
            compare(name, plain, options.rounds)


if __name__ == "__main__":
    main()
