"""What a decompressor is, and how far it may go."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol

from glimpse.errors import TooLarge
from glimpse.transfer.extent import Buffer

# The ratio is not judged before this many bytes of output: an empty disk packs a thousand times smaller, and what
# is so little does no harm.
RATIO_FREE = 1 << 30


@dataclass(slots=True)
class _Consumed:
    """How many bytes the outermost layer has taken from the source."""

    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """How far a decompressor may go; None: as far as it likes. Made anew for every stream.

    ``max_bytes`` is the most output. ``max_ratio`` is how many bytes may come of each byte consumed, judged beyond
    the first GiB of output (:data:`RATIO_FREE`). Layers multiply, so each layer inside of the first gets the
    limits' :meth:`inner`, whose output is judged by what the *first* has consumed::

        limits = Limits(max_ratio=250)
        packed = decompressor("xz").decompress(chunks, limits=limits)
        plain = decompressor("gzip").decompress(packed, limits=limits.inner())
    """

    max_bytes: int | None = None
    max_ratio: float | None = None
    _consumed: _Consumed = field(default_factory=_Consumed, repr=False, compare=False)
    _inside: bool = field(default=False, repr=False)

    def inner(self) -> "Limits":
        """The same limits for a layer that unpacks what this one gives."""
        return replace(self, _inside=True)

    def check(self, name: str, produced: int, consumed: int) -> None:
        """Raise TooLarge when ``produced`` bytes out of ``consumed`` are beyond the limits.

        Called by the decompressor ``name`` for each piece before it is passed on, with sums since its beginning.
        """
        if self.max_bytes is not None and produced > self.max_bytes:
            raise TooLarge(
                f"The {name} data unpacks to more than the {self.max_bytes} bytes that are allowed."
            )
        if self._inside:
            consumed = self._consumed.bytes
        else:
            self._consumed.bytes = consumed
        if self.max_ratio is not None and produced > max(RATIO_FREE, self.max_ratio * consumed):
            raise TooLarge(
                f"The {name} data unpacks to more than {self.max_ratio:g} times its size: {consumed} bytes have "
                f"given {produced} so far, and max_expansion_ratio is {self.max_ratio:g}.",
                hint="If the image really is that empty, give it as qcow2, or have the operator raise "
                "max_expansion_ratio in [glimpse].",
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
        where, and for data that needs more memory than a decoder may have; TooLarge beyond ``limits``; what
        ``chunks`` raises. A result that ends normally is complete and checked.
        """
