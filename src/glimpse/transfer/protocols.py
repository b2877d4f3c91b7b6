"""The interfaces between the elements of a transfer. All of them are blocking and used from one thread at a
time.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, runtime_checkable

from glimpse.transfer.extent import Buffer, Extent


class Stream(Protocol):
    """Bytes in order: what a source gives and a decompressor transforms."""

    @property
    def size(self) -> int | None:
        """Total bytes that :meth:`chunks` will give, where that is known before reading."""

    def chunks(self) -> Iterator[Buffer]:
        """The bytes in order, in pieces of 1 byte to 4 MiB; may be called once.

        Raises a :class:`glimpse.errors.GlimpseError` that says what failed; a stream that ends normally was
        complete.
        """

    def close(self) -> None:
        """Release everything; harmless when repeated, and makes a blocked :meth:`chunks` in another thread
        end soon.
        """


class Writer(Protocol):
    """One object being written to one store. Nothing is visible under its final name before :meth:`commit`."""

    def write(self, extent: Extent) -> None:
        """Take the next extent. Extents come in ascending order without gaps, from offset 0."""

    def commit(self) -> str:
        """Make the object durable and visible; the URL of its location. Never replaces an existing object."""

    def abort(self) -> None:
        """Remove all that was written, committed by this writer or not; harmless when repeated."""


class Reader(Protocol):
    """A committed object, open for reading."""

    @property
    def size(self) -> int:
        """Length in bytes."""

    def read(self, offset: int, length: int) -> Buffer:
        """Exactly ``length`` bytes at ``offset``, fewer only at the end of the object."""

    def close(self) -> None:
        """Release everything; harmless when repeated."""


@runtime_checkable
class Sequential(Protocol):
    """A reader that perhaps can only be read from its beginning to its end."""

    @property
    def seekable(self) -> bool:
        """Whether a read may begin anywhere."""


class Progress(Protocol):
    """Where running work reports to. Cheap: may be called for every chunk, from any thread."""

    def report(self, phase: str, done: int, total: int | None) -> None:
        """``phase`` (``acquire``, a plugin's name, ``deliver``, ``deliver:<store>``) has done ``done`` bytes
        of ``total``.
        """


class Stop(Protocol):
    """How running work learns that it must end."""

    def check(self) -> None:
        """Raise :class:`glimpse.errors.Cancelled` or :class:`glimpse.errors.ClaimLost` when the work must
        stop.
        """


@runtime_checkable
class LocalFile(Protocol):
    """A stream or reader whose bytes are, unchanged, a file on this host."""

    @property
    def path(self) -> Path:
        """Where the file is."""


@runtime_checkable
class KernelCopy(Protocol):
    """A writer that the kernel can copy a local file into, so that the bytes never pass through this process."""

    def copy_from(self, fd: int, offset: int, length: int) -> None:
        """Take the next extent: the ``length`` bytes at ``offset`` of the file open at ``fd``, to the same
        offset of the object. ``fd``'s own position is not used. Counts and fails like :meth:`Writer.write`.
        """
