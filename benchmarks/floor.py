"""The floor of an import: hashing the same bytes with md5 and sha512 in two parallel threads.

Every speed is quoted as a ratio to it, measured in the same run, because machines differ and are noisy.
"""

import hashlib
import threading
import time
from pathlib import Path

CHUNK = 1 << 20


def floor(path: Path) -> float:
    """Seconds to hash the file's bytes, read into memory beforehand a MiB at a time by each thread."""

    def work(algorithm: str) -> None:
        digest = hashlib.new(algorithm)
        with path.open("rb", buffering=0) as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("md5", "sha512")]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - began
