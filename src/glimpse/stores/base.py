"""What a store is: the interface that every driver implements (its conformance suite is in
``glimpse.testing``).
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

from glimpse.transfer.protocols import Reader, Writer


class Store(Protocol):
    """A place where images' bytes are kept.

    Objects are named by the image they belong to; ``claim`` is the number of the claim under which they are
    written. Until commit an object's name carries both, so that two processes which believe to own the same
    image never touch each other's bytes (fencing: only the location row makes an object an image's data).
    """

    @property
    def id(self) -> str:
        """The store's identifier as configured in ``enabled_backends``."""

    @property
    def type(self) -> str:
        """The driver's name, for example ``file``."""

    @property
    def description(self) -> str:
        """What the operator says of it; may be empty."""

    @property
    def weight(self) -> int:
        """Preference for reading; higher first."""

    @property
    def read_only(self) -> bool:
        """Whether images can only be read here."""

    def check(self) -> None:
        """Raise when the store cannot be used as configured (called once at start)."""

    def writer(self, image_id: str, claim: int, size: int | None, *, data: int | None = None) -> Writer:
        """Begin an object of ``size`` bytes (None: unknown). Raises NoSpace where it cannot fit.

        ``data`` says how many of these bytes are expected to be other than zero (None: all), for a store that
        keeps zeros as holes. A size that was promised is kept: commit raises Invalid after any other number
        of bytes.
        """

    def reader(self, url: str) -> Reader:
        """Open a committed object. Raises NotFound, Unavailable."""

    def delete(self, url: str) -> None:
        """Remove a committed object; one that is not there is no error. Raises Conflict while it is in
        use.
        """

    def sweep(self, image_id: str, keep: Collection[str], *, claim: int | None = None) -> None:
        """Remove every object of this image, committed or not, whose URL is not in ``keep``.

        With ``claim``, the number of the claim that the caller holds, what was written under a higher claim
        stays: a caller that has slept through its lease then cannot remove what its successor has made.
        """


@runtime_checkable
class Adopts(Protocol):
    """A store that can make a file on this host its own without copying it."""

    def adopt(self, path: Path, image_id: str, claim: int) -> Writer | None:
        """A writer that needs no extents: its commit makes ``path``'s inode the object (the name ``path`` may
        stay or go). None when that is not possible, for example on another file system.
        """


@runtime_checkable
class Annotates(Protocol):
    """A store that has something to say about each of its locations."""

    def metadata(self, url: str) -> Mapping[str, object]:
        """What is stored as the ``metadata`` of the location ``url``, beside the store's id."""


@runtime_checkable
class Exclusive(Protocol):
    """A store that must share its places with no other store."""

    @property
    def places(self) -> Collection[str]:
        """What it occupies, in a form in which the same place is always spelled the same."""


@runtime_checkable
class Registers(Protocol):
    """A store that reads objects which it has not made, at addresses that users give."""

    @property
    def schemes(self) -> Collection[str]:
        """The schemes of such addresses, in lower case."""

    def check_url(self, url: str) -> None:
        """Raise Invalid unless the store may read at this address. Says nothing of what lies there."""
