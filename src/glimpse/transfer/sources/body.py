"""How the end of an HTTP body is found, and the bytes up to there."""

import re
from collections.abc import Iterator
from email.message import Message
from time import monotonic

from glimpse.transfer.sources.pace import Stalled
from glimpse.transfer.sources.wire import CHUNK, Wire

# A server that closes the connection does so at once; one that does not is not waited for any longer.
_SURPLUS_SECONDS = 0.2
# Smaller pieces are put together: each costs the elements behind a turn of their queues.
_WORTHWHILE = 1 << 19
_LONGEST_WAIT = 0.5
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r?\n")
_MOST_TRAILERS = 100


class BadFraming(Exception):
    """The answer breaks the rules by which its end is found; the text says how."""


def length(headers: Message) -> int | None:
    """The announced length in bytes, None for a chunked body or one that ends with the connection.

    Raises BadFraming.
    """
    coding = ", ".join(headers.get_all("Transfer-Encoding", [])).strip().lower()
    if coding not in ("", "identity", "chunked"):
        raise BadFraming(f"transfer encoding {coding[:80]!r}, which was not asked for")
    lengths = {value.strip() for value in headers.get_all("Content-Length", [])}
    if coding == "chunked" or not lengths:
        return None
    value = lengths.pop()
    if lengths or not re.fullmatch("[0-9]{1,18}", value):
        raise BadFraming(f"Content-Length {', '.join(sorted({value, *lengths}))[:80]!r}")
    return int(value)


def body(wire: Wire, headers: Message) -> Iterator[bytes]:
    """The body in pieces, mostly of 1 MiB. Raises BadFraming, EOFError (it ends early), and as Wire does."""
    size = length(headers)
    if size is not None:
        closes = "close" in headers.get("Connection", "").lower()
        return _gathered(_sized(wire, size, _SURPLUS_SECONDS if closes else 0.001))
    if headers.get("Transfer-Encoding", "").strip().lower() == "chunked":
        return _gathered(_chunked(wire))
    return _gathered(iter(lambda: wire.take(CHUNK), b""))


def _sized(wire: Wire, size: int, patience: float) -> Iterator[bytes]:
    left = size
    while left:
        if not (piece := wire.take(min(CHUNK, left))):
            raise EOFError
        left -= len(piece)
        yield piece
    if wire.surplus(patience):
        raise BadFraming(f"more bytes than the {size} that Content-Length announced")


def _chunked(wire: Wire) -> Iterator[bytes]:
    while left := _chunk_size(wire):
        while left:
            if not (piece := wire.take(min(CHUNK, left))):
                raise EOFError
            left -= len(piece)
            yield piece
        if (end := wire.readline(2)) not in (b"\r\n", b"\n"):
            if wire.ended:
                raise EOFError
            raise BadFraming(f"broken chunked encoding: {end!r} after a chunk")
    for _ in range(_MOST_TRAILERS):
        # Some servers close right after the last chunk; nothing is missing then.
        if wire.readline() in (b"\r\n", b"\n", b""):
            return
    raise BadFraming("broken chunked encoding: endless trailers")


def _chunk_size(wire: Wire) -> int:
    line = wire.readline(1024)
    if not (match := _CHUNK_SIZE.fullmatch(line)):
        if wire.ended:
            raise EOFError
        raise BadFraming(f"broken chunked encoding: {line[:40]!r} instead of a size")
    return int(match[1], 16)


def _gathered(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """``pieces``, small ones joined; none waits longer for the next than until that comes."""
    waiting: list[bytes] = []
    size, since = 0, 0.0
    try:
        for piece in pieces:
            if not waiting:
                since = monotonic()
            waiting.append(piece)
            size += len(piece)
            if size >= _WORTHWHILE or monotonic() - since >= _LONGEST_WAIT:
                yield waiting[0] if len(waiting) == 1 else b"".join(waiting)
                waiting, size = [], 0
    except (Stalled, OSError, EOFError, BadFraming):
        if waiting:
            yield b"".join(waiting)
        raise
    if waiting:
        yield b"".join(waiting)
