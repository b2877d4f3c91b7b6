"""An internet in a box: a network of its own in which every address, public, private or forbidden, is at hand.

What is started by :meth:`Internet.command` lives in it: it reaches whatever listens there, and nothing else; it
resolves names by the name server there. Servers run in the test's own threads, on sockets of that network. Whatever
anybody tries to connect to is seen (:class:`Watch`), whether somebody listens or not.

Made of user, network and mount namespaces, so it needs no privileges.
"""

import json
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.servers.watch import Watch

NAME_SERVER = "127.0.0.53"
# A search list, so that a name that is not asked for as an absolute one is found out. Short waits: a silent name
# server is one of the tests.
_RESOLVER = f"nameserver {NAME_SERVER}\nsearch inner.example\noptions timeout:5 attempts:1\n"
_SWITCH = "hosts: files dns\n"
_START_SECONDS = 30.0


class Internet:
    """Runs from ``with`` to its end. Raises RuntimeError, with the system's words, where it is not allowed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._relays: list[socket.socket] = []

    def __enter__(self) -> Self:
        self._directory = tempfile.TemporaryDirectory(prefix="internet-")
        files = Path(self._directory.name)
        (files / "resolv.conf").write_text(_RESOLVER)
        (files / "nsswitch.conf").write_text(_SWITCH)
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(_START_SECONDS)
        inside = Path(__file__).with_name("internet_inside.py")
        apart = ["unshare", "--user", "--map-root-user", "--net", "--mount", "--"]
        self._process = subprocess.Popen(
            [*apart, sys.executable, inside, str(theirs.fileno()), files],
            pass_fds=[theirs.fileno()],
            stderr=subprocess.PIPE,
            text=True,
        )
        theirs.close()
        if self._control.recv(100) != b"ready":
            _, said = self._process.communicate()
            raise RuntimeError(f"No network can be made here: {said}")
        self.watch = Watch(self._socket("frames", "", 0))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for relay in self._relays:
            with suppress(OSError):
                relay.shutdown(socket.SHUT_RDWR)
            relay.close()
        self.watch.close()
        self._control.close()
        self._process.communicate()
        self._directory.cleanup()

    def command(self, arguments: Sequence[str]) -> list[str]:
        """The command that runs another in this network; its process is that of the other."""
        enter = ["nsenter", f"--target={self._process.pid}", "--user", "--net", "--mount"]
        return [*enter, "--preserve-credentials", f"--wd={Path.cwd()}", "--", *arguments]

    def listen(self, host: str, port: int) -> socket.socket:
        """A listening socket; ``::`` takes what no other listener does, of IPv4 too."""
        return self._socket("listener", host, port)

    def datagrams(self, host: str, port: int) -> socket.socket:
        """A UDP socket."""
        return self._socket("datagrams", host, port)

    def publish(self, port: int) -> None:
        """Let the test reach 127.0.0.1:``port`` of this network at the same place of its own."""
        relay = socket.create_server(("127.0.0.1", port), backlog=256)
        self._relays.append(relay)
        connect = lambda: self._socket("connection", "127.0.0.1", port)  # noqa: E731
        threading.Thread(target=_relay, args=(relay, connect), daemon=True).start()

    def _socket(self, kind: str, host: str, port: int) -> socket.socket:
        with self._lock:
            self._control.send(json.dumps([kind, host, port]).encode())
            answer, descriptors, _, _ = socket.recv_fds(self._control, 4096, 1)
        if not descriptors:
            raise OSError(answer.decode())
        return socket.socket(fileno=descriptors[0])


def _relay(listener: socket.socket, connect: Callable[[], socket.socket]) -> None:
    while True:
        try:
            near, _ = listener.accept()
        except OSError:
            return
        try:
            far = connect()
        except OSError:
            near.close()  # the service does not listen yet, or no more
            continue
        threading.Thread(target=_join, args=(near, far), daemon=True).start()


def _join(near: socket.socket, far: socket.socket) -> None:
    """Pass on both ways until both have ended."""
    for end in (near, far):
        # Else each request waits 40 ms for an acknowledgement of its first part.
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with near, far:
        back = threading.Thread(target=_pass_on, args=(far, near), daemon=True)
        back.start()
        _pass_on(near, far)
        back.join()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
