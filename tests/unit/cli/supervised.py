"""A supervisor in a process of its own, over small shell children, and what it and they say."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

DEADLINE = 20.0

DRIVER = r"""
import json, os, sys
from glimpse.cli.child import Child
from glimpse.cli.supervisor import Supervisor

spec = json.loads(sys.argv[1])
act = spec["act"]
def say(line):
    os.write(1, f"says: {line}\n".encode())  # at once, whoever else writes
sys.exit(Supervisor(
    [Child(name, ["sh", "-c", script]) for name, script in spec["children"].items()],
    probe=lambda: spec["ready"],
    on_ready=lambda: say("ready"),
    say=say,
    first_act=None if act is None else Child("act", ["sh", "-c", act]),
    end_after_first_act=spec["end"],
    stop_seconds=spec["stop_seconds"],
).run())
"""

# A child that says who it is and waits, and one that will not be told to stop.
WAITS = "echo up $$; exec sleep 600"
STUBBORN = "trap '' TERM; echo up $$; while :; do sleep 600; done"


class Supervised:
    """Used as a context manager; nothing of it is left behind, whatever the test did."""

    def __init__(
        self,
        children: Mapping[str, str],
        *,
        ready: bool = True,
        act: str | None = None,
        end: bool = False,
        stop_seconds: float = 10.0,
    ) -> None:
        spec = {"children": children, "ready": ready, "act": act, "end": end, "stop_seconds": stop_seconds}
        self.process = subprocess.Popen(
            [sys.executable, "-c", DRIVER, json.dumps(spec)], stdout=subprocess.PIPE, bufsize=0
        )
        self.seen: list[str] = []
        self._unread: list[str] = []
        self._rest = b""
        self._children: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        for pid in self._children:
            try:
                os.killpg(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue

    def line(self, start: str) -> str:
        """The next line that begins with ``start``, without it.

        Children and supervisor speak in any order, so lines that were passed over can still be asked for;
        ``seen`` has all of them.
        """
        end = time.monotonic() + DEADLINE
        while True:
            for text in self._unread:
                if text.startswith(start):
                    self._unread.remove(text)
                    return text.removeprefix(start)
            self._read(start, end - time.monotonic())

    def _read(self, wanted: str, seconds: float) -> None:
        assert self.process.stdout is not None
        waited = select.select([self.process.stdout], [], [], max(0.0, seconds))[0]
        assert waited, f"no line {wanted!r} in {self.seen}"
        chunk = os.read(self.process.stdout.fileno(), 4096)
        assert chunk, f"ended without a line {wanted!r}: {self.seen}"
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        self.seen += [line.decode() for line in lines]
        self._unread += [line.decode() for line in lines]

    def up(self) -> int:
        """The process id of the next child that says that it is up."""
        pid = int(self.line("up "))
        self._children.append(pid)
        return pid

    def nobody_left(self) -> bool:
        """Wait until every process that shares the output has ended; False if one does not."""
        assert self.process.stdout is not None
        end = time.monotonic() + DEADLINE
        while select.select([self.process.stdout], [], [], max(0.0, end - time.monotonic()))[0]:
            if not os.read(self.process.stdout.fileno(), 4096):
                return True
        return False

    def ends(self) -> int:
        """The exit status."""
        return self.process.wait(DEADLINE)


def gone(pid: int) -> bool:
    """Wait until the process has ended; False if it does not."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], DEADLINE)[0])
    finally:
        os.close(handle)
