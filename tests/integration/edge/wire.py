"""A connection that says exactly what it is told, and notices when it is closed."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE = 30.0


class Wire:
    """A client's connection to ``port``; given ``buffer``, it takes in no more bytes than that unread."""

    def __init__(self, port: int, buffer: int = 0) -> None:
        self.socket = socket.socket()
        if buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(("127.0.0.1", port))
        self.began = time.monotonic()

    def say(self, *words: bytes) -> None:
        """Send."""
        self.socket.sendall(b"".join(words))

    def ask(self, line: str, *headers: str, body: bytes = b"") -> None:
        """Send a request; a ``Host`` is added."""
        self.say("\r\n".join([f"{line} HTTP/1.1", "Host: test", *headers, "", ""]).encode(), body)

    def hear(self, length: int = 1 << 16) -> bytes:
        """What has come, up to ``length``; nothing once it is closed."""
        try:
            return self.socket.recv(length)
        except ConnectionResetError:
            return b""

    def head(self) -> bytes:
        """The head of an answer."""
        heard = b""
        while b"\r\n\r\n" not in heard and (more := self.hear()):
            heard += more
        return heard.partition(b"\r\n\r\n")[0]

    def status(self) -> int:
        """The status of the answer; 0 if it was closed without one."""
        head = self.head()
        return int(head.split()[1]) if head else 0

    def drip(self, byte: bytes, every: float) -> bytes:
        """Send a byte at a time until the other side closes; what it has said until then."""
        heard = b""
        self.socket.settimeout(every)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                if not (more := self.hear()):
                    return heard
                heard += more
            except TimeoutError:
                try:
                    self.say(byte)
                except (ConnectionResetError, BrokenPipeError):
                    return heard
        raise AssertionError(f"never closed; it said {heard[:200]!r}")

    def lasted(self) -> float:
        """Seconds since it was made, once the other side has closed it."""
        while self.hear():
            pass
        return time.monotonic() - self.began


@contextmanager
def wire(port: int, buffer: int = 0) -> Iterator[Wire]:
    """A connection that is closed after the block."""
    made = Wire(port, buffer)
    try:
        yield made
    finally:
        made.socket.close()
