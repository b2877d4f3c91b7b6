"""Decompressors, found by content and never by name. To add one: one file here, and one line in ``_ALL``."""

from glimpse.errors import NotFound
from glimpse.transfer.decompress.base import UNLIMITED, Decompressor, Limits
from glimpse.transfer.decompress.bzip2 import Bzip2
from glimpse.transfer.decompress.gzip import Gzip
from glimpse.transfer.decompress.lz4 import Lz4
from glimpse.transfer.decompress.xz import Xz
from glimpse.transfer.decompress.zstd import Zstd

__all__ = ["HEAD", "UNLIMITED", "Decompressor", "Limits", "decompressor", "detect"]

_ALL: tuple[Decompressor, ...] = (Gzip(), Zstd(), Xz(), Bzip2(), Lz4())
_BY_NAME = {one.name: one for one in _ALL}

# How much of a stream's beginning is looked at.
HEAD = 512


def detect(head: bytes) -> str | None:
    """Which decompressor a stream that begins with ``head`` (:data:`HEAD` bytes) needs; None: none."""
    return next((one.name for one in _ALL if one.matches(head)), None)


def decompressor(name: str) -> Decompressor:
    """The decompressor called ``name``. Raises NotFound."""
    try:
        return _BY_NAME[name]
    except KeyError:
        raise NotFound(f"There is no decompressor {name!r} here.") from None
