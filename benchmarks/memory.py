"""Memory: what each process of the service holds, idle and at its most, while 4 GiB go up and down again.

.venv/bin/python -m benchmarks.memory [--size 4096]
"""

import argparse
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import psutil

from benchmarks.service import resident, service
from benchmarks.watch import Watch


def during(process: psutil.Process, action: Callable[[], object]) -> dict[str, int]:
    """The most that each process held while the action ran."""
    with Watch(process) as watch:
        action()
    return watch.memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=4096, help="MiB")
    options = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="glimpse-bench-"))
    try:
        raw = directory / "raw"
        with raw.open("wb") as file:
            for _ in range(options.size // 8):
                file.write(os.urandom(8 << 20))
        with service(directory) as (client, process):
            idle = resident(process)
            print("idle (MiB):", idle, "in all", sum(idle.values()))
            image = client.create("raw")
            print("PUT file:", during(process, lambda: client.put(f"/v2/images/{image}/file", raw)))
            print("GET file:", during(process, lambda: client.download(image)))
            staged = client.create("raw")
            print("PUT stage:", during(process, lambda: client.put(f"/v2/images/{staged}/stage", raw)))
            client.start_import(staged, {"method": {"name": "glance-direct"}, "all_stores": True})
            print("import into three stores:", during(process, lambda: client.wait_active(staged)))
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
