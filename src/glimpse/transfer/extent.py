"""The unit that flows through a transfer: a range of an image that is either data or zero."""

from dataclasses import dataclass

Buffer = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class Extent:
    """``length`` bytes at ``offset`` (both in bytes). ``data is None`` means that all of them are zero."""

    offset: int
    length: int
    data: Buffer | None

    @property
    def is_zero(self) -> bool:
        """Whether the range is known to be zeros, so that no buffer exists for it."""
        return self.data is None
