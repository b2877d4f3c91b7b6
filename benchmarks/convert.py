"""Conversion alone: a qcow2 to raw extents, and to a file of each other format.

Method: a qcow2 of ``--size`` MiB, three eighths of it data, is made by qemu-img from random pieces of half a
MiB, and is in the page cache. Each case runs ``--rounds`` times; printed are the medians of the seconds, of this
process's processor seconds and of the child's, and the most memory of any child so far. (The children run
without bubblewrap: the kernel does not add up the time of those in a process namespace of their own.) ``raw,
hashed`` is the whole delivery with both digests to a writer that keeps nothing, next to the floor of
``floor.py``. Beside each file format stands ``qemu-img convert`` run by hand. On a busy machine compare
processor seconds.

    .venv/bin/python -m benchmarks.convert --size 2048 --rounds 3
"""

import argparse
import os
import random
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.floor import floor
from benchmarks.transfer import NullWriter
from glimpse.transfer.confine import probe
from glimpse.transfer.disk.convert import ConvertLimits, convert_to_raw
from glimpse.transfer.disk.convert_file import convert_to_file
from glimpse.transfer.disk.inspect import InspectRules
from glimpse.transfer.run import deliver
from glimpse.transfer.stop import NEVER
from glimpse.transfer.zeros import refine

MiB = 1 << 20
TARGETS = {
    "qcow2": ["-o", "compat=1.1"],
    "vmdk": ["-o", "subformat=monolithicSparse"],
    "vdi": [],
    "vhd": ["-o", "subformat=dynamic,force_size=on"],
}
PLAIN = probe(bubblewrap=False)
STREAM_OPTIMIZED = InspectRules(vmdk_allowed_types=("streamOptimized",))


def make(directory: Path, size: int) -> tuple[Path, Path]:
    """The disk, raw and as qcow2."""
    raw, image = directory / "raw", directory / "image.qcow2"
    chance = random.Random(1)
    with raw.open("wb") as file:
        file.truncate(size)
        for place in range(0, size - MiB, 4 * MiB // 3):
            file.seek(place)
            file.write(chance.randbytes(MiB // 2))
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, image], check=True)
    return raw, image


def to_raw(image: Path, algorithms: tuple[str, ...] | None) -> None:
    """Read all of it, and deliver it to nowhere where ``algorithms`` are given."""
    with convert_to_raw(image, "qcow2", limits=ConvertLimits(), stop=NEVER, confinement=PLAIN) as view:
        if algorithms is None:
            for _ in view.extents():
                pass
        else:
            deliver(refine(view.extents()), {"null": NullWriter()}, algorithms=algorithms)


def to_file(image: Path, target: str, rules: InspectRules) -> None:
    """Write it in another format, even if that is its own."""
    output = image.with_name("output")
    convert_to_file(image, "qcow2", target, output, limits=ConvertLimits(), rules=rules, confinement=PLAIN)
    output.unlink()


def by_hand(image: Path, target: str) -> None:
    """The same with the plain tool."""
    output = image.with_name("output")
    name = "vpc" if target == "vhd" else target
    subprocess.run(
        ["qemu-img", "convert", "-f", "qcow2", "-O", name, *TARGETS[target], image, output], check=True
    )
    output.unlink()


def measure(name: str, work: Callable[[], object], rounds: int) -> None:
    """Run it, and print the medians."""
    seconds, own, child = [], [], []
    for _ in range(rounds):
        before, start = os.times(), time.monotonic()
        work()
        seconds.append(time.monotonic() - start)
        after = os.times()
        own.append(after.user + after.system - before.user - before.system)
        child.append(
            after.children_user + after.children_system - before.children_user - before.children_system
        )
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10
    medians = (statistics.median(seconds), statistics.median(own), statistics.median(child))
    print(
        f"{name:22} {medians[0]:6.2f} s   CPU {medians[1]:5.2f} s + child {medians[2]:5.2f} s   ≤ {peak} MiB"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=2048, help="MiB of the disk")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="glimpse-bench-") as directory:
        raw, image = make(Path(directory), arguments.size * MiB)
        run = partial(measure, rounds=arguments.rounds)
        run("floor: md5 and sha512", partial(floor, raw))
        run("raw", lambda: to_raw(image, None))
        run("raw, hashed", lambda: to_raw(image, ("md5", "sha512")))
        for target in TARGETS:
            run(f"{target}", partial(to_file, image, target, InspectRules()))
            run(f"{target} by hand", partial(by_hand, image, target))
        run("vmdk streamOptimized", partial(to_file, image, "vmdk", STREAM_OPTIMIZED))


if __name__ == "__main__":
    main()
