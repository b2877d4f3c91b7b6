"""Writing to local files: whole writes, early write-back, room on the disk, and errors in words."""

import ctypes
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from glimpse.errors import GlimpseError, Unavailable
from glimpse.stores.errors import StoreDenied, StoreFull
from glimpse.transfer.extent import Buffer

# Written data is handed to the disk in runs of this size while more is still coming, so that the fdatasync at
# commit finds nothing left to do. Measured, an upload of 1 GiB hashed twice on 2 cores, then adopted: without
# 1.82 + 0.29 s, in runs of 32 MiB 1.82 + 0.01 s, of 8 MiB 1.82 + 0.00 s, and without any syncing at all 1.81
# s.
WRITE_BACK_BYTES = 8 << 20
SYNC_FILE_RANGE_WRITE = 2
# No write is larger. Measured on ext4 with Linux 6.18, a delivery of 1 GiB into three files at once: 3.7 s of
# processor time with this, 4.8 s with writes of 1 MiB (their page cache comes in larger folios).
WRITE_BYTES = 256 << 10

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_DENIED = (errno.EACCES, errno.EPERM, errno.EROFS)

_libc = ctypes.CDLL(None, use_errno=True)
_sync_file_range = getattr(_libc, "sync_file_range", None)


def write_all(fd: int, data: Buffer, offset: int) -> None:
    """Write all of ``data`` at ``offset``. Raises OSError."""
    view = memoryview(data)
    done = 0
    while done < len(view):
        done += os.pwrite(fd, view[done : done + WRITE_BYTES], offset + done)


def copy_all(source: int, target: int, offset: int, length: int) -> None:
    """Copy a range between two files inside the kernel; the target gets blocks of its own. Raises OSError.

    sendfile and not copy_file_range, because the latter may share blocks between the files. Measured warm, 1
    GiB: 0.23 s; 0.30 s with pread and pwrite of 1 MiB.
    """
    os.lseek(target, offset, os.SEEK_SET)
    while length > 0:
        # A bounded step, so that other threads of this process see progress; the kernel's own limit is 2 GiB.
        done = os.sendfile(target, source, offset, min(length, WRITE_BACK_BYTES))
        if done == 0:
            raise OSError(errno.EIO, "the file being copied is shorter than it was")
        offset += done
        length -= done


def begin_write_back(fd: int, offset: int, length: int) -> None:
    """Ask the kernel to start writing this range to the disk now; a hint, so failure means nothing."""
    if _sync_file_range is not None:
        _sync_file_range(fd, ctypes.c_int64(offset), ctypes.c_int64(length), SYNC_FILE_RANGE_WRITE)


def sync_directory(directory: Path) -> None:
    """Make the names in ``directory`` durable. Raises OSError."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def free_bytes(directory: Path) -> int:
    """Bytes that this process may still write below ``directory``. Raises OSError."""
    status = os.statvfs(directory)
    return status.f_bavail * status.f_frsize


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn an OSError from inside the block into an error that says what ``what`` (the start of a sentence)
    suffers.
    """
    try:
        yield
    except OSError as error:
        raise explain(error, what) from error


def explain(error: OSError, what: str) -> GlimpseError:
    """The error of this service that an error of the operating system means."""
    where = f" ({error.filename})" if error.filename else ""
    reason = f"{what}: {error.strerror}{where}."
    if error.errno in _FULL:
        return StoreFull(reason, hint="Make room, or choose another store.")
    if error.errno in _DENIED:
        return StoreDenied(reason, hint="Give the service's user write permission there.")
    return Unavailable(reason)
