"""A spool: a sparse file in staging, written once and complete or not there at all."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from glimpse.errors import GlimpseError, NoSpace, TooLarge
from glimpse.transfer.extent import Buffer, Extent
from glimpse.transfer.faults import explain
from glimpse.transfer.protocols import Progress, Stop
from glimpse.transfer.stop import NEVER, SILENT
from glimpse.transfer.streams import close, prefetch
from glimpse.transfer.zeros import refine

# No write is larger. Measured on ext4 with Linux 6.18, a delivery of 1 GiB into three files at once: 3.7 s of
# processor time with this, 4.8 s with writes of 1 MiB (their page cache comes in larger folios).
WRITE = 256 << 10


def spool(
    items: Iterable[Buffer] | Iterable[Extent],
    path: Path,
    *,
    progress: Progress = SILENT,
    stop: Stop = NEVER,
    phase: str = "acquire",
    total: int | None = None,
    size_cap: int | None = None,
) -> int:
    """Write ``items`` (chunks, or extents without gaps) to ``<path>.part`` and rename it to ``path``; its
    length.

    Zeros become holes. ``path`` appears only when complete; a part file left by a dead process is
    overwritten, and after any error it is removed. The upstream runs in a thread of its own. Raises the
    upstream's error, NoSpace, TooLarge beyond ``size_cap``, and what ``stop`` raises. Not synced to disk:
    after a power loss the spool is lost.
    """
    part = path.with_name(path.name + ".part")
    extents = prefetch(refine(_extents(items)), stop=stop)
    descriptor = -1
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        length = 0
        for extent in extents:
            stop.check()
            length = extent.offset + extent.length
            if size_cap is not None and length > size_cap:
                raise TooLarge(f"The image is larger than the {size_cap} bytes that are allowed.")
            if extent.data is not None:
                write_at(descriptor, extent.data, extent.offset)
            progress.report(phase, length, total)
        os.ftruncate(descriptor, length)
        part.rename(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise _disk_error(error, path.parent) from error
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    finally:
        extents.close()
        if descriptor >= 0:
            os.close(descriptor)
    return length


def write_at(descriptor: int, data: Buffer, offset: int) -> None:
    """Write all of ``data`` at ``offset``."""
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view[:WRITE], offset)
        view = view[written:]
        offset += written


def _extents(items: Iterable[Buffer] | Iterable[Extent]) -> Iterator[Extent]:
    offset = 0
    upstream = iter(items)
    try:
        for item in upstream:
            extent = item if isinstance(item, Extent) else Extent(offset, len(item), item)
            yield extent
            offset += extent.length
    finally:
        close(upstream)


def _disk_error(error: OSError, directory: Path) -> GlimpseError:
    explained = explain(error, f"writing to {directory}")
    if isinstance(explained, NoSpace):
        return NoSpace(
            f"There is no space left in {directory}.", hint="Free some, or place staging elsewhere."
        )
    return explained
