"""A child process that is never left behind, and its last words."""

import contextlib
import fcntl
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

# Enough for what a person wants to read in an error.
_WORDS = 400
# As many bytes of what a child says are kept, in memory; what it writes beyond fails. Whole pages.
_KEPT = 64 << 10
_KILL_SECONDS = 0.5


class Child:
    """A running program with a session of its own. Its owner must call :meth:`stop` in the end."""

    def __init__(self, process: subprocess.Popen[bytes], stderr: int, names: Mapping[str, str]) -> None:
        self._process = process
        self._stderr = stderr
        self._names = names

    @classmethod
    def start(
        cls,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        stdin: int | None,
        stdout: int | None,
        names: Mapping[str, str],
    ) -> "Child":
        """Run ``command``. ``names``: what the texts in its messages are called to the reader (paths of this host)."""
        # Not a pipe: a child that talks much would wait for a reader, and nobody reads before it ends.
        stderr = os.memfd_create("stderr", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(stderr, _KEPT)
            fcntl.fcntl(
                stderr, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
            )
            process = subprocess.Popen(
                list(command),
                env=dict(environment),
                cwd="/",
                stdin=subprocess.DEVNULL if stdin is None else stdin,
                stdout=subprocess.DEVNULL if stdout is None else stdout,
                stderr=stderr,
                start_new_session=True,
            )
        except BaseException:
            os.close(stderr)
            raise
        return cls(process, stderr, names)

    @property
    def pid(self) -> int:
        """Process id, of the guardian where there is one."""
        return self._process.pid

    def members(self) -> list[int]:
        """The process ids that the child consists of, a guardian's last."""
        try:
            inner = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        except OSError:  # gone, or a kernel that does not tell
            inner = []
        return [*map(int, inner), self.pid]

    def wait(self, seconds: float) -> int:
        """The exit status, minus the signal's number if one ended it. Raises subprocess.TimeoutExpired."""
        status = self._process.wait(seconds)
        # A guardian reports the signal as a shell does.
        return 128 - status if 128 < status < 192 else status

    def errors(self) -> str:
        """What it wrote to its standard error, on one line, shortened, without paths of this host."""
        if self._stderr < 0:
            return ""
        text = os.pread(self._stderr, _KEPT, 0).rstrip(b"\0").decode("utf-8", "replace")
        for name in sorted(self._names, key=len, reverse=True):
            text = text.replace(f"'{name}'", self._names[name]).replace(name, self._names[name])
        text = text.replace("Failed to blk_new_open the image: ", "")  # qemu's own function names help nobody
        lines = [line.strip().removeprefix("qemu-nbd: ") for line in text.splitlines()]
        words = "; ".join(line for line in lines if line)
        return words if len(words) <= _WORDS else words[:_WORDS] + "…"

    def stop(self) -> None:
        """Kill it if it still runs, and reap it. Harmless when repeated."""
        if self._process.poll() is None:
            # The inner process first: its guardian then reaps it, so that no zombie is left to process 1.
            for pid in self.members()[:-1]:
                _kill(pid)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_KILL_SECONDS if len(self.members()) > 1 else 0)
            if self._process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()
        if self._stderr >= 0:
            os.close(self._stderr)
            self._stderr = -1


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
