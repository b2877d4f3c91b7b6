"""One server for all processes of a test session, however many there are and however they end.

Whoever uses the server holds a shared lock on a file. A guardian process has started the server and waits for
the exclusive lock, which it gets when the last user has let go or died; then it stops the server.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.keystone import Keystone
from tests.servers.mariadb import MariaDB
from tests.servers.postgresql import PostgreSQL
from tests.servers.server import DatabaseServer, Server

KINDS: dict[str, type[DatabaseServer]] = {kind.name: kind for kind in (PostgreSQL, MariaDB)}
SERVERS: dict[str, type[Server]] = {**KINDS, Keystone.name: Keystone}
ROOT = Path(__file__).parents[2]


@contextmanager
def shared(kind: str, meeting: Path) -> Iterator[str]:
    """The URL of the server that all who name the same directory ``meeting`` use together."""
    meeting.mkdir(parents=True, exist_ok=True)
    with (meeting / f"{kind}.users").open("a") as users, (meeting / f"{kind}.turn").open("a") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        # Waits while a guardian is stopping the server before this one.
        fcntl.flock(users, fcntl.LOCK_SH)
        address = meeting / f"{kind}.url"
        if not address.exists():
            _start_guardian(kind, meeting)
        fcntl.flock(turn, fcntl.LOCK_UN)
        yield address.read_text()


def _start_guardian(kind: str, meeting: Path) -> None:
    with (meeting / f"{kind}.log").open("ab") as log:
        guardian = subprocess.Popen(
            [sys.executable, "-m", "tests.servers.shared", kind, str(meeting)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            # Ctrl-C is for the tests; the guardian ends after them.
            start_new_session=True,
            text=True,
        )
    assert guardian.stdout is not None
    with guardian.stdout:
        said = guardian.stdout.readline()
    if said != "ready\n":
        raise RuntimeError(f"no {kind} for the tests:\n{(meeting / f'{kind}.log').read_text()[-3000:]}")
    # It ends after this process; nobody is left to ask how.
    guardian.returncode = 0


def guard(kind: str, meeting: Path) -> None:
    """Start a server, say so, and stop it when nobody uses it any more."""
    address = meeting / f"{kind}.url"
    with SERVERS[kind]() as server:
        address.write_text(server.url())
        print("ready", flush=True)
        sys.stdout.close()
        with (meeting / f"{kind}.users").open("a") as users:
            fcntl.flock(users, fcntl.LOCK_EX)
            address.unlink()
            server.stop(server.quick)
            shutil.rmtree(server.directory, ignore_errors=True)


if __name__ == "__main__":
    guard(sys.argv[1], Path(sys.argv[2]))
