"""What a decompressor is."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from glimpse.errors import TooLarge
from glimpse.transfer.extent import Buffer


@dataclass(frozen=True, slots=True)
class Limits:
    """How far a decompressor may go: at most ``max_bytes`` of output (None: any number)."""

    max_bytes: int | None = None

    def check(self, name: str, produced: int) -> None:
        """Raise TooLarge when ``produced`` bytes are beyond the limit; called before they are passed on."""
        if self.max_bytes is not None and produced > self.max_bytes:
            raise TooLarge(
                f"The {name} data unpacks to more than the {self.max_bytes} bytes that are allowed."
            )


UNLIMITED = Limits()


class Decompressor(Protocol):
    """Unpacks one kind of compressed stream. One file each, registered by one line in the package."""

    @property
    def name(self) -> str:
        """What it is called in plans and messages, for example ``gzip``."""

    def matches(self, head: bytes) -> bool:
        """Whether a stream that begins with ``head`` (some hundred bytes, or all) is of this kind."""

    def decompress(self, chunks: Iterable[Buffer], *, limits: Limits = UNLIMITED) -> Iterator[Buffer]:
        """The unpacked bytes, in pieces of at most 4 MiB, however much one chunk expands to.

        Raises Invalid for damaged, truncated and empty input and for garbage after its end, saying what and
        where; TooLarge beyond ``limits``; what ``chunks`` raises. A result that ends normally is complete and
        checked.
        """
