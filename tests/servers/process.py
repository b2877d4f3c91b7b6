"""A server process on loopback, in a directory of its own, that never outlives the process that started it."""

import ctypes
import os
import pwd
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

# Keystone takes 7 s on an idle machine, and has taken 40 on a busy one.
START_SECONDS = 90.0
STOP_SECONDS = 20.0
# Servers refuse to run as root; then they run as this user, which owns nothing.
SUBSTITUTE = "nobody"

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


class ServerFailed(Exception):
    """A server did not start, or died; the message ends with the last lines of its log."""


def free_port() -> int:
    """A port on which nobody listens now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def own_directory(prefix: str) -> Path:
    """A new directory, outside of any that other users cannot reach, that belongs to the server's user."""
    directory = Path(tempfile.mkdtemp(prefix=f"glimpse-{prefix}-"))
    if os.geteuid() == 0:
        user = pwd.getpwnam(SUBSTITUTE)
        os.chown(directory, user.pw_uid, user.pw_gid)
    return directory


def run(arguments: Sequence[str | Path], directory: Path) -> None:
    """Run a program to its end, as the server's user. Raises ServerFailed with what it wrote."""
    done = subprocess.run(
        arguments, cwd=directory, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **_identity()
    )
    if done.returncode:
        raise ServerFailed(f"{arguments[0]} failed:\n{done.stdout[-2000:]}")


class Process:
    """A running server. ``answers`` says whether it can be used yet; ``as_substitute``, that it is not run as
    root.
    """

    def __init__(
        self,
        arguments: Sequence[str | Path],
        directory: Path,
        answers: Callable[[], bool],
        *,
        as_substitute: bool = True,
    ) -> None:
        self.log = directory / "log"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                arguments,
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_parent,
                **(_identity() if as_substitute else {}),
            )
        deadline = time.monotonic() + START_SECONDS
        pause = threading.Event()
        while not answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop(signal.SIGKILL)
                raise ServerFailed(f"{arguments[0]} does not answer:\n{self.log.read_text()[-2000:]}")
            pause.wait(0.02)

    def stop(self, how: signal.Signals) -> None:
        """Send the signal and wait until the process is gone; SIGKILL when that takes too long."""
        if self._process.poll() is None:
            self._process.send_signal(how)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _identity() -> dict[str, Any]:
    """Whom to run as, in the words of ``subprocess``."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam(SUBSTITUTE)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _die_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
