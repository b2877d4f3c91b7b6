"""Small real things that the tests of this room share: writers that record, streams that block, stops that are set."""

import threading
from collections.abc import Iterable, Iterator

from glimpse.errors import Cancelled
from glimpse.transfer.extent import Buffer, Extent

MIB = 1 << 20
# How long a test waits for something that must happen, and what "within a second" allows on a busy machine.
DEADLINE = 20.0
SOON = 1.0


class RecordingWriter:
    """Keeps every byte, and what was asked of it."""

    def __init__(self) -> None:
        self.content = bytearray()
        self.extents: list[tuple[int, int, bool]] = []
        self.aborted = False
        self.committed = False

    def write(self, extent: Extent) -> None:
        assert extent.offset == len(self.content), "extents must come without gaps"
        self.extents.append((extent.offset, extent.length, extent.is_zero))
        self.content += bytes(extent.length) if extent.data is None else extent.data

    def commit(self) -> str:
        self.committed = True
        return "memory:"

    def abort(self) -> None:
        self.aborted = True


class FailingWriter(RecordingWriter):
    """Raises ``error`` with the extent that reaches ``after`` bytes."""

    def __init__(self, error: Exception, after: int = 0) -> None:
        super().__init__()
        self.error = error
        self.after = after

    def write(self, extent: Extent) -> None:
        super().write(extent)
        if len(self.content) >= self.after:
            raise self.error


class StuckWriter(RecordingWriter):
    """Hangs in its first write until ``release`` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.stuck = threading.Event()
        self.release = threading.Event()
        self.gone = threading.Event()

    def write(self, extent: Extent) -> None:
        self.stuck.set()
        assert self.release.wait(DEADLINE)
        super().write(extent)

    def abort(self) -> None:
        super().abort()
        self.gone.set()


class Switch:
    """A Stop that a test sets."""

    def __init__(self) -> None:
        self.set = False

    def check(self) -> None:
        if self.set:
            raise Cancelled("stopped by the test")


class Recorder:
    """A Progress that remembers the last report of each phase."""

    def __init__(self) -> None:
        self.phases: dict[str, tuple[int, int | None]] = {}
        self.reports = 0

    def report(self, phase: str, done: int, total: int | None) -> None:
        self.phases[phase] = (done, total)
        self.reports += 1


def data_extents(data: bytes, step: int = MIB) -> Iterator[Extent]:
    """``data`` as data extents of ``step`` bytes."""
    for start in range(0, len(data), step):
        piece = data[start : start + step]
        yield Extent(start, len(piece), piece)


def endless(step: int = MIB) -> Iterator[Extent]:
    """An image that never ends."""
    piece = b"\x5a" * step
    offset = 0
    while True:
        yield Extent(offset, step, piece)
        offset += step


def cut(data: bytes, step: int) -> Iterator[Buffer]:
    """``data`` as chunks of ``step`` bytes."""
    for start in range(0, len(data), step):
        yield data[start : start + step]


def joined(extents: Iterable[Extent]) -> bytes:
    """The bytes that ``extents`` describe."""
    content = bytearray()
    for extent in extents:
        assert extent.offset == len(content), "extents must come without gaps"
        assert extent.data is None or len(extent.data) == extent.length
        content += bytes(extent.length) if extent.data is None else extent.data
    return bytes(content)


def threads() -> list[str]:
    """The names of this room's threads that run now."""
    return sorted(thread.name for thread in threading.enumerate() if thread.name.startswith("glimpse-"))
