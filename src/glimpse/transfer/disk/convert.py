"""Gives the raw content of a disk image as extents, without writing it to a file first."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from glimpse.transfer.disk.inspect import InspectRules
from glimpse.transfer.extent import Extent
from glimpse.transfer.protocols import Stop


@dataclass(frozen=True, slots=True)
class ConvertLimits:
    """What one conversion may use: CPU seconds and bytes of address space of the child, and bytes of the disk."""

    cpu_seconds: int = 3600
    address_space: int = 4 << 30
    max_virtual_size: int = 1 << 50
    max_sparse_bytes: int = 256 << 30


class RawView:
    """A disk image's content, readable while the ``with`` block of :func:`convert_to_raw` lasts."""

    @property
    def virtual_size(self) -> int:
        """Bytes of the disk."""
        raise NotImplementedError

    def extents(self) -> Iterator[Extent]:
        """The whole disk, ascending and without gaps; may be called once."""
        raise NotImplementedError


@contextmanager
def convert_to_raw(
    path: Path,
    source_format: str,
    *,
    limits: ConvertLimits,
    stop: Stop,
    rules: InspectRules = InspectRules(),
) -> Iterator[RawView]:
    """The raw content of the image file ``path``, which must be of ``source_format``."""
    yield RawView()
