"""Copies a local file into another inside the kernel; no block is shared, and holes stay holes."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from glimpse.errors import Invalid
from glimpse.transfer.protocols import Stop
from glimpse.transfer.stop import NEVER

# The kernel does not come back before a step is done; 64 MiB take some 15 ms in the page cache and half a
# second on a slow disk, so that a stop is noticed within a second.
STEP = 64 << 20


def copy_file(
    source: Path | int,
    target: int,
    *,
    stop: Stop = NEVER,
    report: Callable[[int], None] | None = None,
) -> int:
    """Copy the file ``source`` (a path or an open descriptor) into the open file ``target``, which is empty;
    its length.

    ``report`` gets the bytes done so far, holes included. sendfile and not copy_file_range: that one may
    share blocks between the two files, and a store's copy must be its own. Raises Invalid when the source
    shrinks meanwhile; OSError as the kernel does (ENOSPC among them).
    """
    if isinstance(source, Path):
        descriptor = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return copy_file(descriptor, target, stop=stop, report=report)
        finally:
            os.close(descriptor)
    size = os.fstat(source).st_size
    for begin, end in data_ranges(source, size):
        position = begin
        os.lseek(target, begin, os.SEEK_SET)
        while position < end:
            stop.check()
            sent = os.sendfile(target, source, position, min(STEP, end - position))
            if sent == 0:
                raise Invalid(f"The file shrank from {size} to {position} bytes while it was copied.")
            position += sent
            if report is not None:
                report(position)
    stop.check()
    os.ftruncate(target, size)
    if report is not None:
        report(size)
    return size


def data_ranges(descriptor: int, size: int) -> Iterator[tuple[int, int]]:
    """The ranges (begin, end) of the file that are not holes, in order, below ``size``.

    A file system that knows no holes gives one range. The descriptor's position is changed.
    """
    position = 0
    while position < size:
        try:
            begin = os.lseek(descriptor, position, os.SEEK_DATA)
        except OSError:  # ENXIO: nothing but a hole from here.
            return
        if begin >= size:
            return
        end = min(size, os.lseek(descriptor, begin, os.SEEK_HOLE))
        yield begin, end
        position = end
