"""One child of the supervisor: started so that it never outlives its parent, and ended for good."""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress

PR_SET_PDEATHSIG = 1

# Looked up before any fork: between fork and exec there must be nothing that may wait for a lock.
_prctl = ctypes.CDLL(None, use_errno=True).prctl

# How long to wait before a child that has died is started again: soon at first, since most deaths are
# single, and at most half a minute, so that the service is back soon after a long trouble has ended.
FIRST_DELAY = 0.25
LONGEST_DELAY = 30.0

# A child that has lived this long was well: its next death is a first one again.
WELL_AFTER = 60.0


class Child:
    """A command that is to be kept running. Times are those of the monotonic clock, in seconds."""

    def __init__(self, name: str, command: Sequence[str]) -> None:
        self.name = name
        self.command = list(command)
        self.process: subprocess.Popen[bytes] | None = None
        self.due: float = 0.0
        self._delay = FIRST_DELAY
        self._started = 0.0

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return None if self.process is None else self.process.pid

    def start(self) -> None:
        """Start it in a process group of its own, so that Ctrl-C reaches the supervisor alone."""
        parent = os.getpid()

        def tie_to_parent() -> None:
            # Not SIGKILL: the HTTP server has workers to take along, a conductor has claims to give back.
            _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent:
                os._exit(1)

        self.process = subprocess.Popen(
            self.command, stdin=subprocess.DEVNULL, process_group=0, preexec_fn=tie_to_parent
        )
        self._started = time.monotonic()

    def ended(self, status: int) -> float:
        """Note that it has ended with this wait ``status``; the seconds until it is started again."""
        assert self.process is not None
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self.signal(signal.SIGKILL)
        self.process = None
        now = time.monotonic()
        if now - self._started > WELL_AFTER:
            self._delay = FIRST_DELAY
        delay = self._delay
        self.due = now + delay
        self._delay = min(2 * delay, LONGEST_DELAY)
        return delay

    def signal(self, number: signal.Signals) -> None:
        """Send a signal: to the process, but SIGKILL to its whole group, so that no worker is left behind."""
        if self.process is None:
            return
        with suppress(ProcessLookupError):
            if number == signal.SIGKILL:
                os.killpg(self.process.pid, number)
            else:
                os.kill(self.process.pid, number)


def describe(status: int) -> str:
    """A wait status in words."""
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"ended with status {code}"
    return f"was killed by {signal.Signals(-code).name}"
