"""The socket on which a worker listens, which the HTTP server makes for itself and shows to nobody."""

import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

LOG = logging.getLogger(__name__)

# The worker listens as soon as its application has loaded, which takes one to two seconds on an idle machine.
PATIENCE_SECONDS = 120.0
PAUSE_SECONDS = 0.02


def give_up_stalled_clients(port: int, seconds: int) -> None:
    """Let the kernel break every connection to ``port`` whose client takes nothing of what it is sent for this
    long; waits for the socket in a thread.

    The server itself waits for ever, and keeps connection and answer, also after the application has ended. What
    a listening socket has set is inherited by its connections, so this costs a request nothing. Of a client that
    takes something now and then, however little, the kernel knows that it lives.
    """
    wait = threading.Thread(target=_wait, args=(port, seconds), name="listener", daemon=True)
    wait.start()


def _wait(port: int, seconds: int) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        if found := list(_listening(port)):
            for each in found:
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, seconds * 1000)
                each.close()
            return
        time.sleep(PAUSE_SECONDS)
    LOG.warning("No socket listens on port %d; clients that read nothing are waited for.", port)


def _listening(port: int) -> Iterator[socket.socket]:
    """The sockets of this process that listen on a port, as duplicates to be closed."""
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            # Of nothing but sockets: a process that closes a second descriptor of SQLite's file loses its locks.
            if not entry.is_socket():
                continue
            found = socket.socket(fileno=os.dup(int(entry.name)))
            try:
                listens = found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
                wanted = bool(listens) and found.getsockname()[1] == port
            except OSError:
                wanted = False
            if wanted:
                yield found
            else:
                found.close()
