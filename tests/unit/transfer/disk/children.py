"""Looks at the confined programs that this process runs, and interferes with them."""

import time
from collections.abc import Callable
from pathlib import Path

import psutil

from glimpse.errors import Cancelled
from glimpse.transfer.confine import Confinement, probe

CONFINEMENTS: dict[str, Callable[[], Confinement]] = {
    "bubblewrap": probe,
    "limits-only": lambda: probe(bubblewrap=False),
}


def running(name: str) -> psutil.Process:
    """The one child of this process, however deep, that is called ``name``."""
    [found] = [child for child in psutil.Process().children(recursive=True) if child.name() == name]
    return found


def limits_of(process: psutil.Process) -> dict[str, tuple[str, str]]:
    """The soft and hard limits that the kernel holds a process to."""
    lines = Path(f"/proc/{process.pid}/limits").read_text().splitlines()[1:]
    return {line[:26].strip(): (line[26:47].strip(), line[47:68].strip()) for line in lines}


def network_of(process: psutil.Process) -> tuple[str, list[str]]:
    """Its network namespace, and the interfaces in there."""
    lines = Path(f"/proc/{process.pid}/net/dev").read_text().splitlines()[2:]
    return str(Path(f"/proc/{process.pid}/ns/net").readlink()), [line.split(":")[0].strip() for line in lines]


def files_of(process: psutil.Process) -> set[str]:
    """The names at the top of the file system that it sees."""
    return {path.name for path in Path(f"/proc/{process.pid}/root").iterdir()}


def bytes_read(process: psutil.Process) -> int:
    """Bytes that it has read from files, by its system calls."""
    fields = dict(line.split(": ") for line in Path(f"/proc/{process.pid}/io").read_text().splitlines())
    return int(fields["rchar"])


class StopWhenAsked:
    """Ends the work once it was asked to."""

    def __init__(self) -> None:
        self.asked_at: float | None = None

    def ask(self) -> None:
        self.asked_at = time.monotonic()

    def check(self) -> None:
        if self.asked_at is not None:
            raise Cancelled("stopped")


class Meddler:
    """A progress that does something to the program at its first report, and counts the reports."""

    def __init__(self, act: Callable[[psutil.Process], object] = lambda process: None) -> None:
        self._act = act
        self.reports: list[tuple[str, int, int | None]] = []

    def report(self, phase: str, done: int, total: int | None) -> None:
        self.reports.append((phase, done, total))
        if len(self.reports) == 1:
            self._act(running("qemu-img"))
