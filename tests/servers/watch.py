"""Sees every attempt to connect on a network, whether anybody listens or not."""

import ctypes
import socket
import struct
from contextlib import suppress
from ipaddress import ip_address

_ATTACH_FILTER = 26
_SOL_PACKET, _STATISTICS = 263, 6
# tcp[tcpflags] & (syn|ack) == syn, of IPv4 and IPv6, as classic BPF: code, jump if true, jump if false, operand.
# Without it the queue overflows with data. Offsets are those of Ethernet frames.
_SYN_ONLY = (
    (0x28, 0, 0, 12),  # the kind of packet
    (0x15, 0, 5, 0x0800),  # IPv4?
    (0x30, 0, 0, 23),
    (0x15, 0, 9, socket.IPPROTO_TCP),
    (0xB1, 0, 0, 14),  # the length of its header
    (0x50, 0, 0, 14 + 13),
    (0x05, 0, 0, 4),
    (0x15, 0, 5, 0x86DD),  # IPv6?
    (0x30, 0, 0, 20),
    (0x15, 0, 3, socket.IPPROTO_TCP),
    (0x30, 0, 0, 54 + 13),
    (0x54, 0, 0, 0x12),  # SYN and ACK
    (0x15, 1, 0, 0x02),
    (0x06, 0, 0, 0),
    (0x06, 0, 0, 128),
)
_OUTGOING = 4


class Watch:
    """Reads frames from ``sock``, a raw packet socket of the network's loopback interface."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        code = b"".join(struct.pack("HBBI", *instruction) for instruction in _SYN_ONLY)
        buffer = ctypes.create_string_buffer(code)
        program = struct.pack("HP", len(_SYN_ONLY), ctypes.addressof(buffer))
        sock.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, program)
        sock.setblocking(False)
        self.forget()

    def dialled(self) -> list[tuple[str, int]]:
        """Address and port of each attempt since the last call, once. Nothing that has happened is missing."""
        found, dropped = self._take()
        assert not dropped, f"{dropped} attempts were not seen"
        return list(dict.fromkeys(found))

    def forget(self) -> None:
        """Begin anew."""
        self._take()

    def close(self) -> None:
        """Stop watching."""
        self._sock.close()

    def _take(self) -> tuple[list[tuple[str, int]], int]:
        """What waits, and how many the kernel had no room for."""
        found = []
        with suppress(BlockingIOError):
            while True:
                frame, where = self._sock.recvfrom(256)
                if where[2] == _OUTGOING:  # on loopback each frame is seen going out and coming in
                    found.append(_destination(frame))
        _, dropped = struct.unpack("II", self._sock.getsockopt(_SOL_PACKET, _STATISTICS, 8))
        return found, dropped


def _destination(frame: bytes) -> tuple[str, int]:
    if frame[12:14] == b"\x08\x00":
        (port,) = struct.unpack_from(">H", frame, 14 + (frame[14] & 15) * 4 + 2)
        return str(ip_address(frame[30:34])), port
    (port,) = struct.unpack_from(">H", frame, 54 + 2)
    return str(ip_address(frame[38:54])), port
