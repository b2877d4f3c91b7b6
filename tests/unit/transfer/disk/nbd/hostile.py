"""An NBD server that says what a test tells it to."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from glimpse.transfer.disk.nbd import protocol as p

SIZE = 1 << 20
Request = tuple[int, int, int, int]  # command, cookie, offset, length


class Peer:
    """The server's end of a connection."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock

    def receive(self, length: int) -> bytes:
        """Exactly ``length`` bytes; EOFError when the client has gone."""
        data = self.sock.recv(length, socket.MSG_WAITALL) if length else b""
        if len(data) < length:
            raise EOFError
        return data

    def send(self, data: bytes) -> None:
        """Send all of it."""
        self.sock.sendall(data)

    def option(self) -> int:
        """The next option the client wants."""
        _, option, length = p.OPTION.unpack(self.receive(p.OPTION.size))
        self.receive(length)
        return int(option)

    def option_reply(self, option: int, kind: int, payload: bytes = b"") -> None:
        """Answer an option."""
        self.send(p.OPTION_REPLY.pack(p.OPTION_REPLY_MAGIC, option, kind, len(payload)) + payload)

    def negotiate(self, *, size: int = SIZE) -> None:
        """Do as a good server does."""
        self.send(p.NBD_MAGIC + p.OPTION_MAGIC + (p.FIXED_NEWSTYLE | p.NO_ZEROES).to_bytes(2, "big"))
        self.receive(4)
        assert self.option() == p.OPTION_STRUCTURED_REPLY
        self.option_reply(p.OPTION_STRUCTURED_REPLY, p.REPLY_ACK)
        assert self.option() == p.OPTION_SET_META_CONTEXT
        self.option_reply(p.OPTION_SET_META_CONTEXT, p.REPLY_META_CONTEXT, b"\0\0\0\1" + p.ALLOCATION)
        self.option_reply(p.OPTION_SET_META_CONTEXT, p.REPLY_ACK)
        assert self.option() == p.OPTION_GO
        self.option_reply(p.OPTION_GO, p.REPLY_INFO, p.EXPORT_INFO.pack(p.INFO_EXPORT, size, p.SEND_DF))
        self.option_reply(p.OPTION_GO, p.REPLY_ACK)

    def request(self) -> Request:
        """The client's next request."""
        magic, _, command, cookie, offset, length = p.REQUEST.unpack(self.receive(p.REQUEST.size))
        assert magic == p.REQUEST_MAGIC
        return command, cookie, offset, length

    def chunk(self, kind: int, cookie: int, payload: bytes = b"", *, flags: int = p.CHUNK_DONE) -> None:
        """Send a piece of an answer."""
        self.send(p.CHUNK.pack(p.STRUCTURED_REPLY_MAGIC, flags, kind, cookie, len(payload)) + payload)

    def data(self, cookie: int, offset: int, data: bytes, *, flags: int = p.CHUNK_DONE) -> None:
        """Send data that was read."""
        self.chunk(p.CHUNK_DATA, cookie, p.OFFSET.pack(offset) + data, flags=flags)


@contextmanager
def server(script: Callable[[Peer], None]) -> Iterator[socket.socket]:
    """The client's end of a connection at whose other end ``script`` runs, in a thread."""
    ours, theirs = socket.socketpair()

    def run() -> None:
        with theirs:
            try:
                script(Peer(theirs))
                while theirs.recv(4096):
                    pass
            except (OSError, EOFError):
                pass

    thread = threading.Thread(target=run)
    thread.start()
    try:
        with ours:
            yield ours
    finally:
        thread.join(10)
        assert not thread.is_alive()
