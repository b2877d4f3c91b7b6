"""A local file copied into several stores at once, inside the kernel: no byte passes through Python, holes
stay holes.
"""

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol, runtime_checkable

from glimpse.errors import GlimpseError
from glimpse.transfer.extent import Extent
from glimpse.transfer.fanout import DeliveryFailed
from glimpse.transfer.faults import explain
from glimpse.transfer.protocols import KernelCopy, Progress, Stop, Writer
from glimpse.transfer.sparse import data_ranges

# The kernel does not come back before a step is done: 32 MiB take 10 ms in the page cache and a quarter of a
# second on a slow disk, so that a stop is noticed within a second.
STEP = 32 << 20


@runtime_checkable
class CopiesFiles(Writer, KernelCopy, Protocol):
    """A writer that can take its bytes from an open local file."""


def copy_into(
    path: Path, writers: Mapping[str, CopiesFiles], *, progress: Progress, stop: Stop, must_all: bool
) -> Mapping[str, GlimpseError]:
    """Give the file at ``path`` to every writer, one thread each; why those that failed did. Commits nothing.

    Raises DeliveryFailed when a writer fails and ``must_all`` is set, or when all fail; what ``stop`` raises.
    """
    if not writers:
        return {}
    failed: dict[str, GlimpseError] = {}

    def copy(store: str, writer: CopiesFiles) -> None:
        try:
            _copy(path, store, writer, progress, _Ending(stop, failed, must_all))
        except _Useless:
            pass
        except Exception as error:
            stop.check()
            failed[store] = explain(error, "copying failed")

    with ThreadPoolExecutor(len(writers), thread_name_prefix="glimpse-copy") as pool:
        jobs = [pool.submit(copy, store, writer) for store, writer in writers.items()]
    for job in jobs:
        job.result()
    if failed and (must_all or len(failed) == len(writers)):
        raise DeliveryFailed(failed)
    return failed


class _Useless(Exception):
    """Another store's failure has ended the whole."""


class _Ending:
    """The copies' own Stop: also ends them when another store's failure has made them useless."""

    def __init__(self, stop: Stop, failed: Mapping[str, GlimpseError], must_all: bool) -> None:
        self._stop, self._failed, self._must_all = stop, failed, must_all

    def check(self) -> None:
        """Raise what the outer stop raises, or _Useless."""
        self._stop.check()
        if self._must_all and self._failed:
            raise _Useless


def _copy(path: Path, store: str, writer: CopiesFiles, progress: Progress, stop: Stop) -> None:
    with path.open("rb") as file:
        fd, position = file.fileno(), 0
        size = os.fstat(fd).st_size
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


def _steps(fd: int, size: int) -> Iterator[tuple[int, int]]:
    for begin, end in data_ranges(fd, size):
        for start in range(begin, end, STEP):
            yield start, min(end, start + STEP)
