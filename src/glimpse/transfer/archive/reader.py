"""What an archive holds, told in order by a confined child process and believed only as far as it can be checked."""

import os
import select
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from glimpse.errors import GlimpseError, Invalid, Unavailable
from glimpse.transfer import confine
from glimpse.transfer.archive import program
from glimpse.transfer.archive.keeper import PROGRAM, Keeper
from glimpse.transfer.archive.member import Member, shown
from glimpse.transfer.extent import Buffer
from glimpse.transfer.faults import explain
from glimpse.transfer.protocols import Stop
from glimpse.transfer.stop import NEVER, POLL
from glimpse.transfer.streams import CHUNK, close
from glimpse.transfer.zeros import zero_buffers

# How long a child that has enough to read may say nothing: no method needs a second for its next block.
STALL = 60.0
# Enough for what a library has to say.
_WORDS = 400


class UnreadableArchive(Invalid):
    """The archive is damaged, is not what it seems, or needs more than it may use."""

    code = "unreadable-archive"


class ReaderKilled(Unavailable):
    """The process that read the archive was killed from outside."""

    code = "reader-killed"


def read(
    format: str,
    source: Iterable[Buffer] | int,
    *,
    stop: Stop = NEVER,
    confinement: confine.Confinement | None = None,
    script: Path = PROGRAM,
    stall: float = STALL,
) -> Iterator[Member | Buffer]:
    """Each member of the archive, followed by its content where it is a regular file and not encrypted.

    ``source``: the archive as chunks, or the descriptor of a file (``zip`` and ``7z`` need one; it is not closed).
    Buffers are at most 1 MiB; zeros that the archive does not store are views of one shared buffer. Raises
    UnreadableArchive, ReaderKilled, ToolMissing, what ``source`` raises and what ``stop`` does. The child lives until
    the iterator ends or is closed.
    """
    where = confinement if confinement is not None else confine.default()
    try:
        keeper = Keeper(format, source, confinement=where, script=script)
    except BaseException as error:
        close(source)
        raise explain(error, f"starting the reader of the {format} archive") from error
    try:
        yield from _Frames(keeper, format, stop, stall).told()
    finally:
        keeper.close()


class _Frames:
    """Reads frames from the child. All of it is as hostile as the archive: lengths and order are checked."""

    def __init__(self, keeper: Keeper, format: str, stop: Stop, stall: float) -> None:
        self._keeper = keeper
        self._format = format
        self._stop = stop
        self._stall = stall
        self._poll = select.poll()
        self._poll.register(keeper.output, select.POLLIN)

    def told(self) -> Iterator[Member | Buffer]:
        self._keeper.child()
        content = False  # Whether the last member may have any.
        while True:
            kind, length = program.FRAME.unpack(self._exactly(program.FRAME.size))
            if kind == program.MEMBER and length <= program.ATTRIBUTES.size + program.LONGEST_NAME:
                member = _member(self._exactly(length))
                content = member.regular and not member.encrypted
                yield member
            elif kind == program.DATA and content and length <= program.LONGEST_DATA:
                yield from self._data(length)
            elif kind == program.HOLE and content:
                yield from zero_buffers(length)
            elif kind == program.ERROR and length <= program.LONGEST_TEXT:
                raise self._unreadable(self._exactly(length).decode("utf-8", "replace"))
            elif kind == program.END and length == 0:
                self._wait_for_source()
                return
            else:
                raise self._broken("its reader says what it may not say")

    def _data(self, length: int) -> Iterator[Buffer]:
        while length:
            piece = self._some(min(length, CHUNK))
            length -= len(piece)
            yield piece

    def _exactly(self, length: int) -> bytes:
        data = b""
        while len(data) < length:
            data += self._some(length - len(data))
        return data

    def _some(self, most: int) -> bytes:
        """The next bytes, at most so many. Raises what the child's end means, when there are none."""
        self._wait()
        data = os.read(self._keeper.output, most)
        if not data:
            raise self._ended()
        return data

    def _wait(self) -> None:
        moved, since = -1, 0.0
        while not self._poll.poll(POLL * 1000):
            self._stop.check()
            now = time.monotonic()
            if self._keeper.waiting or self._keeper.moved != moved:
                moved, since = self._keeper.moved, now
            elif now - since > self._stall:
                raise self._broken(f"nothing came out of it for {self._stall:.0f} s")
        self._stop.check()

    def _wait_for_source(self) -> None:
        """The child has read all: so the source is at its end, or finds out that its last bytes were wrong."""
        while not self._keeper.fed.wait(POLL):
            self._stop.check()
        if self._keeper.error is not None:
            raise self._keeper.error

    def _unreadable(self, words: str) -> BaseException:
        """Why, as the child says; unless the source said something before that."""
        return self._keeper.error or self._broken(shown(words, _WORDS))

    def _ended(self) -> BaseException:
        if self._keeper.error is not None:
            return self._keeper.error
        try:
            status = self._keeper.child().wait(1.0)
        except subprocess.TimeoutExpired:
            return self._broken("its reader has closed its output")
        if status == -signal.SIGXCPU:
            return self._broken("that takes too much processor time")
        if status == -signal.SIGKILL:
            return ReaderKilled(f"The process that read the {self._format} archive was killed.")
        words = shown(self._keeper.child().errors(), _WORDS)
        return self._broken(f"its reader ended with status {status}{': ' if words else ''}{words}")

    def _broken(self, why: str) -> GlimpseError:
        return UnreadableArchive(f"The {self._format} archive cannot be read: {why}.")


def _member(frame: bytes) -> Member:
    if len(frame) < program.ATTRIBUTES.size:
        raise UnreadableArchive("The archive cannot be read: its reader says what it may not say.")
    regular, encrypted = program.ATTRIBUTES.unpack_from(frame)
    name = frame[program.ATTRIBUTES.size :].decode("utf-8", "replace")
    return Member(name, regular, encrypted)
