"""Memory: what each process of the service holds, idle and at its most, while 4 GiB go up and down again.

.venv/bin/python -m benchmarks.memory [--size 4096]
"""

import argparse
import os
import shutil
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import psutil

from benchmarks.service import resident, service


class Watch:
    """Looks at the resident memory of every process ten times a second while an action runs."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self.most: dict[str, int] = {}

    def during(self, action: Callable[[], object]) -> dict[str, int]:
        ended = threading.Event()
        thread = threading.Thread(target=self._look, args=(ended,))
        self.most = {}
        thread.start()
        action()
        ended.set()
        thread.join()
        return self.most

    def _look(self, ended: threading.Event) -> None:
        while not ended.wait(0.1):
            for name, amount in resident(self._process).items():
                self.most[name] = max(amount, self.most.get(name, 0))


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
            watch = Watch(process)
            idle = resident(process)
            print("idle (MiB):", idle, "in all", sum(idle.values()))
            image = client.create("raw")
            print("PUT file:", watch.during(lambda: client.put(f"/v2/images/{image}/file", raw)))
            print("GET file:", watch.during(lambda: client.download(image)))
            staged = client.create("raw")
            print("PUT stage:", watch.during(lambda: client.put(f"/v2/images/{staged}/stage", raw)))
            client.start_import(staged, {"method": {"name": "glance-direct"}, "all_stores": True})
            print("import into three stores:", watch.during(lambda: client.wait_active(staged)))
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
