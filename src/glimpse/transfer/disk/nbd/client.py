"""Reads an NBD export: which ranges are zero, and the data of the others, with several reads under way at once.

The server parses bytes that may be hostile, so nothing it says is trusted: lengths, offsets and cookies are checked.
"""

import socket
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from glimpse.transfer.aligned import aligned
from glimpse.transfer.disk.nbd import protocol as p
from glimpse.transfer.disk.nbd.connection import Connection
from glimpse.transfer.disk.nbd.protocol import NbdError
from glimpse.transfer.protocols import Stop

# Reads under way at once. qemu serves up to 16 for a client.
DEPTH = 8
# The protocol counts the length of a request in 32 bits; a multiple of every cluster size.
_MAX_STATUS_LENGTH = 2 << 30


@dataclass(slots=True)
class _Pending:
    """A request that waits for its answer."""

    offset: int
    length: int
    buffer: memoryview | None = None
    missing: int = 0
    runs: list["Run"] = field(default_factory=list)
    error: str | None = None
    done: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """A range of the export that either reads as zeros or may hold data."""

    offset: int
    length: int
    zero: bool


class NbdClient:
    """One connection to the default export of a server. Takes over ``sock``, also when it raises.

    Used from one thread at a time. All methods raise NbdError, and what ``stop.check()`` raises within a second.
    """

    def __init__(self, sock: socket.socket, *, stop: Stop, stall: float = 60.0) -> None:
        self._connection = Connection(sock, stop=stop, stall=stall)
        self._pending: dict[int, _Pending] = {}
        self._next_cookie = 1
        self._context = b""
        self._read_flags = 0
        self.size = 0
        """Bytes of the export."""
        try:
            self._negotiate()
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """End the connection at once; harmless when repeated."""
        self._connection.close()

    def runs(self, offset: int, end: int) -> Iterator[Run]:
        """The ranges from ``offset`` to ``end``, ascending and without gaps; neighbours may be alike."""
        while offset < end:
            length = min(end - offset, _MAX_STATUS_LENGTH)
            pending = _Pending(offset, length)
            cookie = self._request(p.COMMAND_BLOCK_STATUS, 0, pending)
            while not pending.done:
                self._receive_chunk()
            del self._pending[cookie]
            _raise(pending, "find the empty ranges of")
            if not pending.runs:
                raise NbdError("the image reader did not say which ranges are empty")
            yield from pending.runs
            offset = pending.runs[-1].offset + pending.runs[-1].length

    def read(
        self, ranges: Iterable[tuple[int, int]], *, depth: int = DEPTH
    ) -> Iterator[tuple[int, memoryview]]:
        """The data of each ``(offset, length)``, in their order, with up to ``depth`` reads under way.

        Every buffer is new and belongs to the receiver. ``ranges`` may itself call :meth:`runs`.
        """
        upstream = iter(ranges)
        queue: deque[tuple[int, _Pending]] = deque()
        more = True
        while more or queue:
            while more and len(queue) < depth:
                item = next(upstream, None)
                if item is None:
                    more = False
                    break
                offset, length = item
                pending = _Pending(offset, length, aligned(length), length)
                queue.append((self._request(p.COMMAND_READ, self._read_flags, pending), pending))
            if not queue:
                return
            cookie, pending = queue.popleft()
            while not pending.done:
                self._receive_chunk()
            del self._pending[cookie]
            _raise(pending, "read")
            if pending.missing or pending.buffer is None:
                raise NbdError(f"the image reader gave {pending.missing} bytes too few at {pending.offset}")
            yield pending.offset, pending.buffer

    def _request(self, command: int, flags: int, pending: _Pending) -> int:
        cookie = self._next_cookie
        self._next_cookie += 1
        self._pending[cookie] = pending
        request = p.REQUEST.pack(p.REQUEST_MAGIC, flags, command, cookie, pending.offset, pending.length)
        self._connection.send(request)
        return cookie

    def _receive_chunk(self) -> None:
        """Take the next piece of an answer, to whichever request it belongs."""
        magic, flags, kind, cookie, length = p.CHUNK.unpack(self._connection.receive(p.CHUNK.size))
        pending = self._pending.get(cookie)
        if magic != p.STRUCTURED_REPLY_MAGIC or pending is None or pending.done:
            raise NbdError("the image reader sent an answer that belongs to no request")
        if kind == p.CHUNK_DATA and pending.buffer is not None:
            self._receive_data(pending, length)
        elif kind == p.CHUNK_HOLE and pending.buffer is not None and length == p.HOLE.size:
            offset, size = p.HOLE.unpack(self._connection.receive(length))
            _slice(pending, offset, size)  # the buffer was zero from the start
        elif kind == p.CHUNK_BLOCK_STATUS and pending.buffer is None and length <= p.MAX_BLOCK_STATUS:
            self._receive_runs(pending, length)
        elif kind & p.CHUNK_IS_ERROR and p.ERROR.size <= length <= p.MAX_ERROR:
            pending.error = _error_text(self._connection.receive(length))
        elif kind != p.CHUNK_NONE or length:
            raise NbdError(f"the image reader sent an answer of unknown kind {kind} and length {length}")
        pending.done = bool(flags & p.CHUNK_DONE)

    def _receive_data(self, pending: _Pending, length: int) -> None:
        if length <= p.OFFSET.size:
            raise NbdError("the image reader sent data without bytes")
        (offset,) = p.OFFSET.unpack(self._connection.receive(p.OFFSET.size))
        self._connection.receive_into(_slice(pending, offset, length - p.OFFSET.size))

    def _receive_runs(self, pending: _Pending, length: int) -> None:
        payload = self._connection.receive(length)
        body = payload[p.CONTEXT.size :]
        if len(body) % p.STATUS.size or payload[: p.CONTEXT.size] != self._context:
            raise NbdError("the image reader sent a list of ranges that makes no sense")
        offset, end = pending.offset, pending.offset + pending.length
        for size, state in p.STATUS.iter_unpack(body):
            # The last range may reach beyond what was asked for, never beyond the export.
            if size == 0 or offset >= end:
                raise NbdError("the image reader sent a list of ranges that makes no sense")
            size = min(size, end - offset)
            pending.runs.append(Run(offset, size, bool(state & p.STATE_ZERO)))
            offset += size

    def _negotiate(self) -> None:
        magic, option_magic = self._connection.receive(8), self._connection.receive(8)
        flags = int.from_bytes(self._connection.receive(2), "big")
        wanted = p.FIXED_NEWSTYLE | p.NO_ZEROES
        if magic != p.NBD_MAGIC or option_magic != p.OPTION_MAGIC or flags & wanted != wanted:
            raise NbdError("the image reader does not speak NBD as expected")
        self._connection.send(wanted.to_bytes(4, "big"))
        self._option(p.OPTION_STRUCTURED_REPLY, b"")
        name = (0).to_bytes(4, "big")  # the default export has no name
        query = (1).to_bytes(4, "big") + len(p.ALLOCATION).to_bytes(4, "big") + p.ALLOCATION
        contexts = self._option(p.OPTION_SET_META_CONTEXT, name + query)
        if len(contexts) != 1 or contexts[0][p.CONTEXT.size :] != p.ALLOCATION:
            raise NbdError("the image reader cannot say which ranges are empty")
        self._context = contexts[0][: p.CONTEXT.size]
        for info in self._option(p.OPTION_GO, name + bytes(2)):
            if len(info) == p.EXPORT_INFO.size and info[:2] == p.INFO_EXPORT.to_bytes(2, "big"):
                _, self.size, export_flags = p.EXPORT_INFO.unpack(info)
                self._read_flags = p.FLAG_DF if export_flags & p.SEND_DF else 0
                return
        raise NbdError("the image reader did not say how large the image is")

    def _option(self, option: int, data: bytes) -> list[bytes]:
        """What the server answers to an option, once it has agreed."""
        self._connection.send(p.OPTION.pack(p.OPTION_MAGIC, option, len(data)) + data)
        replies: list[bytes] = []
        while len(replies) < 64:
            magic, echo, kind, length = p.OPTION_REPLY.unpack(self._connection.receive(p.OPTION_REPLY.size))
            if magic != p.OPTION_REPLY_MAGIC or echo != option or length > p.MAX_OPTION_REPLY:
                raise NbdError("the image reader does not speak NBD as expected")
            payload = self._connection.receive(length)
            if kind == p.REPLY_ACK:
                return replies
            if kind & p.REPLY_IS_ERROR:
                text = payload.decode("utf-8", "replace")
                raise NbdError(f"the image reader refused: {text or hex(kind)}")
            if kind in (p.REPLY_INFO, p.REPLY_META_CONTEXT):
                replies.append(payload)
        raise NbdError("the image reader does not speak NBD as expected")


def _slice(pending: _Pending, offset: int, length: int) -> memoryview:
    """The place in the request's buffer for these bytes of the export."""
    start = offset - pending.offset
    if pending.buffer is None or start < 0 or length > pending.missing or start + length > pending.length:
        raise NbdError("the image reader sent bytes that were not asked for")
    pending.missing -= length
    return pending.buffer[start : start + length]


def _error_text(payload: bytes) -> str:
    number, length = p.ERROR.unpack_from(payload)
    text = payload[p.ERROR.size : p.ERROR.size + length].decode("utf-8", "replace")
    return text or f"error {number}"


def _raise(pending: _Pending, what: str) -> None:
    if pending.error is not None:
        end = pending.offset + pending.length
        raise NbdError(f"cannot {what} the image between {pending.offset} and {end}: {pending.error}")
