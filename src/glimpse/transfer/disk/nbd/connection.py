"""Bytes to and from an NBD server, so that waiting can be stopped and never lasts for ever."""

import errno
import socket
import struct
import time

from glimpse.transfer.disk.nbd.protocol import NbdDisconnected, NbdError
from glimpse.transfer.protocols import Stop
from glimpse.transfer.stop import POLL


class Connection:
    """A connected socket, which it owns. ``stall``: seconds without a byte after which the server is given up."""

    def __init__(self, sock: socket.socket, *, stop: Stop, stall: float) -> None:
        self._sock = sock
        self._stop = stop
        self._stall = stall
        # A blocking socket whose waits end by the kernel's clock: MSG_WAITALL then fills a whole buffer with one
        # call, where Python's own timeout would take a poll and a receive for every 200 KB.
        sock.setblocking(True)
        wait = struct.pack("@ll", 0, int(POLL * 1_000_000))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, wait)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, wait)

    def send(self, data: bytes) -> None:
        """Send all of ``data``."""
        view = memoryview(data)
        deadline = time.monotonic() + self._stall
        while view:
            try:
                sent = self._sock.send(view)
            except OSError as error:
                sent = self._waited(error)
            deadline = self._go_on(sent, deadline)
            view = view[sent:]

    def receive(self, length: int) -> bytes:
        """Exactly ``length`` bytes."""
        buffer = bytearray(length)
        self.receive_into(memoryview(buffer))
        return bytes(buffer)

    def receive_into(self, view: memoryview) -> None:
        """Fill ``view``. Raises NbdDisconnected at the end of the connection."""
        deadline = time.monotonic() + self._stall
        while view:
            try:
                count = self._sock.recv_into(view, 0, socket.MSG_WAITALL)
            except OSError as error:
                count = self._waited(error)
            else:
                if count == 0:
                    raise NbdDisconnected("the image reader ended unexpectedly")
            if count < len(view):
                deadline = self._go_on(count, deadline)
            view = view[count:]

    def close(self) -> None:
        """Close the socket; harmless when repeated."""
        self._sock.close()

    def _waited(self, error: OSError) -> int:
        if error.errno in (errno.EAGAIN, errno.EINTR):
            return 0
        raise NbdDisconnected(f"the image reader ended unexpectedly ({error.strerror})") from error

    def _go_on(self, moved: int, deadline: float) -> float:
        """The new deadline, after some bytes have moved or a wait has ended."""
        self._stop.check()
        now = time.monotonic()
        if moved:
            return now + self._stall
        if now > deadline:
            raise NbdError(f"the image reader did not answer for {self._stall:.0f} seconds")
        return deadline
