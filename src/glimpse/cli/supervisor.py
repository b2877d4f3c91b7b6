"""Keeps the processes of the service running, and stops them together.

It holds nothing but process ids, so nothing is lost when it dies: its children are told by the kernel and
stop too.
"""

import os
import select
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType

from glimpse.cli.child import Child, describe

# How long children may take to stop by themselves before they are killed. A conductor gives its imports back
# at the next chunk (milliseconds), the HTTP server lets requests end; orchestrators kill after 30 s.
STOP_SECONDS = 15.0

# How often to ask whether the service answers, while it starts.
PROBE_SECONDS = 0.05

STOPPING = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})


class Supervisor:
    """Runs ``children`` until told to stop by SIGTERM, SIGINT or SIGHUP.

    ``probe`` tells whether the service answers; it may take a second at most. Once it does, ``on_ready`` is
    called and ``first_act``, if there is one, is run once; with ``end_after_first_act`` the service then
    stops, and its exit status is that of the act.
    """

    def __init__(
        self,
        children: Sequence[Child],
        *,
        probe: Callable[[], bool],
        on_ready: Callable[[], None],
        say: Callable[[str], None],
        first_act: Child | None = None,
        end_after_first_act: bool = False,
        stop_seconds: float = STOP_SECONDS,
    ) -> None:
        self._children = list(children)
        self._probe = probe
        self._on_ready = on_ready
        self._say = say
        self._act = first_act
        self._end_after_act = end_after_first_act
        self._stop_seconds = stop_seconds
        self._ready = False
        self._deadline: float | None = None
        self._killed = False
        self._status = 0

    def run(self) -> int:
        """Run until stopped; the exit status."""
        wake, waker = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(waker, False)
        handled = [*STOPPING, signal.SIGCHLD]
        before = {number: signal.signal(number, _nothing) for number in handled}
        previous = signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        try:
            for child in self._children:
                child.start()
            while self._step():
                select.select([wake], [], [], self._patience())
                with suppress(BlockingIOError):
                    for number in os.read(wake, 4096):
                        if number in STOPPING:
                            self._stop(signal.Signals(number).name)
        finally:
            for child in self._all():
                child.signal(signal.SIGKILL)
            signal.set_wakeup_fd(previous)
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(wake)
            os.close(waker)
        return self._status

    def _step(self) -> bool:
        """Do what is due; False when all is over."""
        self._reap()
        now = time.monotonic()
        if self._deadline is not None:
            alive = [child for child in self._all() if child.pid is not None]
            if alive and now >= self._deadline and not self._killed:
                self._kill(alive)
            return bool(alive)
        for child in self._children:
            if child.pid is None and now >= child.due:
                child.start()
        if not self._ready and self._probe():
            self._ready = True
            self._on_ready()
            if self._act is not None:
                self._act.start()
        return True

    def _patience(self) -> float | None:
        """Seconds until something is due; None when only a signal can bring news."""
        if self._deadline is not None:
            return None if self._killed else max(0.0, self._deadline - time.monotonic())
        if not self._ready:
            return PROBE_SECONDS
        due = [child.due for child in self._children if child.pid is None]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _reap(self) -> None:
        """Collect every process that has ended, orphans too: a container's first process inherits them."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for child in self._all():
                if child.pid == pid:
                    self._ended(child, status)
                    break

    def _ended(self, child: Child, status: int) -> None:
        pid = child.pid
        delay = child.ended(status)
        if self._deadline is not None:
            return
        if child is self._act:
            if self._end_after_act:
                code = os.waitstatus_to_exitcode(status)
                self._stop("", status=code if code >= 0 else 1)
        elif not self._ready:
            # What cannot even start will not be mended by starting it again; it has said why itself.
            self._stop(f"{child.name} {describe(status)} before the service was ready", status=1)
        else:
            self._say(f"{child.name} (pid {pid}) {describe(status)}; starting it again in {delay:g} s")

    def _stop(self, why: str, status: int = 0) -> None:
        """Ask all children to stop; asked a second time, do not wait for them."""
        if self._deadline is not None:
            self._kill([child for child in self._all() if child.pid is not None])
            return
        self._status = status
        self._deadline = time.monotonic() + self._stop_seconds
        self._say(f"stopping ({why})" if why else "stopping")
        for child in self._all():
            child.signal(signal.SIGTERM)

    def _kill(self, alive: Sequence[Child]) -> None:
        self._killed = True
        if alive:
            names = ", ".join(child.name for child in alive)
            self._say(f"{names} did not stop in time; killing")
        for child in alive:
            child.signal(signal.SIGKILL)

    def _all(self) -> list[Child]:
        return [*self._children, *([] if self._act is None else [self._act])]


def _nothing(number: int, frame: FrameType | None) -> None:
    """A handler: that the signal came is read from the wake-up pipe."""
