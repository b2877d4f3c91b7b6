"""Writing past the page cache, where the disk can take the bytes from where they lie.

Copying into the page cache is most of what a store costs: a disk of 2 GiB with 0.75 GiB of data, hashed twice and
written to three files, takes 7.8 s of processor time through the cache and 5.8 s without, and what others have in
their caches stays there.
"""

import ctypes
import errno
import os
import time
from pathlib import Path

from glimpse.transfer.aligned import PAGE
from glimpse.transfer.extent import Buffer

# Below this, waiting for the disk costs more than copying.
SMALLEST = 64 << 10
# One write is under way at a time. Where that gives less than this, it is latency that counts, and the page cache hides
# it. (Hashing goes at 0.8 GB/s; three stores on one disk of 2.2 GB/s get 0.7 each, less on a busy machine.)
SLOWEST_BYTES_A_SECOND = 200e6
# How much is written before speed is judged, again and again.
TRIAL = 32 << 20


class DirectFile:
    """A file that is open for writing elsewhere as well; the two write different pages."""

    def __init__(self, path: Path) -> None:
        """Where the file system cannot do it, nothing is ever taken."""
        try:
            self._fd = os.open(path, os.O_WRONLY | os.O_DIRECT | os.O_CLOEXEC)
        except OSError:
            self._fd = -1
        self._bytes = 0
        self._seconds = 0.0

    def take(self, data: Buffer, offset: int) -> bool:
        """Write all of ``data`` at ``offset``; False where it must be written the usual way. Raises OSError."""
        if self._fd < 0 or not _fits(data, offset):
            return False
        began = time.perf_counter()
        try:
            done = os.pwrite(self._fd, data, offset)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            self.close()
            return False
        self._judge(done, time.perf_counter() - began)
        # Whatever is missing of a write cut short says its reason when it is written again.
        return done == len(data)

    def close(self) -> None:
        """Take nothing any more; harmless when repeated."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _judge(self, done: int, seconds: float) -> None:
        self._bytes += done
        self._seconds += seconds
        if self._bytes >= TRIAL:
            if self._bytes < self._seconds * SLOWEST_BYTES_A_SECOND:
                self.close()
            self._bytes, self._seconds = 0, 0.0


def _fits(data: Buffer, offset: int) -> bool:
    if len(data) < SMALLEST or len(data) % PAGE or offset % PAGE:
        return False
    view = memoryview(data)
    # The address of what cannot be written to is not told; it never is aligned either.
    return not view.readonly and ctypes.addressof(ctypes.c_char.from_buffer(view)) % PAGE == 0
