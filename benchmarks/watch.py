"""What a running service takes at its worst: memory of its processes, space in a directory."""

import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from benchmarks.service import resident

LOOK_SECONDS = 0.1


class Watch:
    """Looks ten times a second while the block runs."""

    def __init__(self, supervisor: psutil.Process, directory: Path | None = None) -> None:
        self.memory: dict[str, int] = {}
        self.space = 0
        self._supervisor = supervisor
        self._directory = directory
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ending.wait(LOOK_SECONDS):
            for name, size in resident(self._supervisor).items():
                self.memory[name] = max(size, self.memory.get(name, 0))
            if self._directory is not None:
                self.space = max(self.space, allocated(self._directory))


def allocated(directory: Path) -> int:
    """Bytes that the files in a directory take on the disk."""
    total = 0
    for path in directory.rglob("*"):
        try:
            total += path.stat().st_blocks * 512
        except FileNotFoundError:
            continue
    return total
