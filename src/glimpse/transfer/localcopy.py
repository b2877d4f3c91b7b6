"""A local file copied into several stores at once, inside the kernel: no byte passes through Python, holes stay holes."""

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol, runtime_checkable

from glimpse.errors import GlimpseError
from glimpse.transfer.copy import data_ranges
from glimpse.transfer.extent import Extent
from glimpse.transfer.fanout import DeliveryFailed
from glimpse.transfer.faults import explain
from glimpse.transfer.protocols import Progress, Stop, Writer

# The kernel does not come back before a step is done: 32 MiB take 10 ms in the page cache and a quarter of a second on
# a slow disk, so that a stop is noticed within a second.
STEP = 32 << 20


@runtime_checkable
class CopiesFiles(Writer, Protocol):
    """A writer that can take its bytes from an open local file."""

    def copy_from(self, fd: int, offset: int, length: int) -> None:
        """Take ``length`` bytes at ``offset`` of the file ``fd`` as the next extent."""


def copy_into(
    path: Path, writers: Mapping[str, CopiesFiles], *, progress: Progress, stop: Stop, must_all: bool
) -> Mapping[str, GlimpseError]:
    """Give the file at ``path`` to every writer, one thread each; why those that failed did. Commits nothing.

    Raises DeliveryFailed when a writer fails and ``must_all`` is set, or when all fail; what ``stop`` raises.
    """
    if not writers:
        return {}
    with ThreadPoolExecutor(len(writers), thread_name_prefix="copy") as pool:
        jobs = {
            store: pool.submit(_copy, path, store, writer, progress, stop)
            for store, writer in writers.items()
        }
    failed: dict[str, GlimpseError] = {}
    for store, job in jobs.items():
        error = job.exception()
        if error is not None:
            stop.check()
            failed[store] = explain(error, f"copying to store {store!r}")
    if failed and (must_all or len(failed) == len(writers)):
        raise DeliveryFailed(failed)
    return failed


def _copy(path: Path, store: str, writer: CopiesFiles, progress: Progress, stop: Stop) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        size = os.fstat(fd).st_size
        position = 0
        for begin, end in _steps(fd, size):
            stop.check()
            if position < begin:
                writer.write(Extent(position, begin - position, None))
            writer.copy_from(fd, begin, end - begin)
            position = end
            progress.report("deliver", position, size)
            progress.report(f"deliver:{store}", position, size)
        if position < size:
            writer.write(Extent(position, size - position, None))
    finally:
        os.close(fd)


def _steps(fd: int, size: int) -> Iterator[tuple[int, int]]:
    for begin, end in data_ranges(fd, size):
        for start in range(begin, end, STEP):
            yield start, min(end, start + STEP)
