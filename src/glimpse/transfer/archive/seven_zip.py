"""Whether a 7z file is whole, by its first 32 bytes (7zFormat.txt, "SignatureHeader")."""

import os
import struct
import zlib

from glimpse.transfer.archive.reader import UnreadableArchive

# Mark, version, checksum of what follows; offset (from here), length and checksum of the header, which stands last.
_START = struct.Struct("<6s2sLQQL")


def check_7z(file: int) -> None:
    """Raise UnreadableArchive where ``file`` (a descriptor) is cut short or has something behind it."""
    size = os.fstat(file).st_size
    start = os.pread(file, _START.size, 0)
    if len(start) < _START.size:
        raise _damaged("it is cut short")
    _, _, checksum, offset, length, _ = _START.unpack(start)
    if zlib.crc32(start[12:]) != checksum:
        raise _damaged("its beginning is damaged")
    end = _START.size + offset + length
    if end > size:
        raise _damaged(f"it is cut short: it has {size} of {end} bytes")
    if end < size:
        raise _damaged(f"it ends at byte {end}, but something else follows it")


def _damaged(why: str) -> UnreadableArchive:
    return UnreadableArchive(f"The 7z archive cannot be read: {why}.")
