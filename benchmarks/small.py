"""Many small images: staged and imported by several clients at once, end to end.

    .venv/bin/python -m benchmarks.small [--images 200] [--clients 16]

Every image is 1 MiB of random bytes; the clock runs from the first request until the last image is active. Two api
processes. Every client is a thread that looks ten times a second whether its image is active.
"""

import argparse
import os
import shutil
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.client import Client
from benchmarks.service import service

MiB = 1 << 20


def one(client: Client, source: Path) -> None:
    """Create, stage, import, and wait until it is active."""
    image = client.create("raw")
    client.put(f"/v2/images/{image}/stage", source)
    client.start_import(image, {"method": {"name": "glance-direct"}})
    client.wait_active(image, look=0.1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--clients", type=int, default=16)
    options = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="glimpse-bench-"))
    try:
        source = directory / "image"
        source.write_bytes(os.urandom(MiB))
        with service(directory, "workers = 2") as (client, _):
            one(client, source)
            began = time.perf_counter()
            with ThreadPoolExecutor(options.clients) as pool:
                list(pool.map(lambda _: one(client, source), range(options.images)))
            seconds = time.perf_counter() - began
            print(
                f"{options.images} images of 1 MiB, {options.clients} at a time: {options.images / seconds:.1f} a second"
            )
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
