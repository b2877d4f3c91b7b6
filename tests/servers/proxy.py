"""A wire between client and server that can be cut at a chosen word."""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self


class Proxy:
    """Hands bytes on to a server on ``port``; its own port is ``.port``. New connections go to ``.server``, which may be
    changed.
    """

    def __init__(self, port: int) -> None:
        self.server = port
        self._word: bytes | None = None
        self._reaches = False
        self.cuts = 0
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()
        for each in self._sockets:
            each.close()

    def cut_at(self, word: bytes, *, reaches: bool) -> None:
        """Break the next connection that sends ``word``, once; ``reaches``: after the server has got and done it."""
        with self._lock:
            self._word, self._reaches = word, reaches

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self.server))
                except OSError:
                    # Nobody there at the moment; who has called is told so.
                    client.close()
                    continue
                self._sockets += [client, server]
                cut = threading.Event()
                for work in (self._to_server, self._to_client):
                    threading.Thread(target=work, args=(client, server, cut), daemon=True).start()

    def _to_server(self, client: socket.socket, server: socket.socket, cut: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                if self._is_word(data):
                    cut.set()
                    if not self._reaches:
                        break
                server.sendall(data)
        if not cut.is_set() or not self._reaches:
            _break(client, server)

    def _to_client(self, client: socket.socket, server: socket.socket, cut: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while (data := server.recv(65536)) and not cut.is_set():
                client.sendall(data)
        _break(client, server)

    def _is_word(self, data: bytes) -> bool:
        with self._lock:
            found = self._word is not None and self._word in data
            if found:
                self._word = None
                self.cuts += 1
            return found


def _break(*sockets: socket.socket) -> None:
    for each in sockets:
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
