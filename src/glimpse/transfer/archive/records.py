"""The records of a zip file (APPNOTE.TXT 6.3, 4.3), as they stand in it."""

import os
import struct
from dataclasses import dataclass

from glimpse.transfer.archive.reader import UnreadableArchive

LOCAL, CENTRAL, END = b"PK\3\4", b"PK\1\2", b"PK\5\6"
END64, LOCATOR64, DESCRIPTOR = b"PK\6\6", b"PK\6\7", b"PK\7\x08"

LOCAL_HEADER = struct.Struct("<4s5H3L2H")
CENTRAL_HEADER = struct.Struct("<4s6H3L5H2L")
END_RECORD = struct.Struct("<4s4H2LH")
END64_RECORD = struct.Struct("<4sQ2H2L4Q")
LOCATOR64_RECORD = struct.Struct("<4sLQL")

# In a field this means that the value stands in the zip64 extra field.
_IN_EXTRA = 0xFFFFFFFF
_ZIP64 = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """What a header says of a member. ``offset`` is where its local header begins."""

    name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int


def damaged(why: str) -> UnreadableArchive:
    """What is raised for a zip file that is wrong, or is not the same to everybody who reads it."""
    return UnreadableArchive(f"The zip archive cannot be read: {why}.")


def exactly(file: int, offset: int, length: int) -> bytes:
    """So many bytes of the open file at ``offset``. Raises UnreadableArchive where it ends before."""
    data = at_most(file, offset, length)
    if len(data) != length:
        raise damaged(f"it is cut short, or what should be at byte {offset} is not there")
    return data


def at_most(file: int, offset: int, length: int) -> bytes:
    """So many bytes of the open file at ``offset``, which may be any number, or as many as there are."""
    size = os.fstat(file).st_size
    return os.pread(file, min(length, size - offset), offset) if 0 <= offset < size else b""


def local(file: int, offset: int) -> tuple[Entry, int]:
    """The local header at ``offset``, and its length."""
    header = exactly(file, offset, LOCAL_HEADER.size)
    mark, _, flags, method, _, _, crc, packed, size, name_length, extra_length = LOCAL_HEADER.unpack(header)
    if mark != LOCAL:
        raise damaged(f"there is no member at byte {offset}, where its directory says that one is")
    rest = exactly(file, offset + len(header), name_length + extra_length)
    wide = zip64(rest[name_length:], [size, packed])
    entry = Entry(rest[:name_length], flags, method, crc, wide[1], wide[0], offset)
    return entry, len(header) + len(rest)


def central(directory: bytes, at: int) -> tuple[Entry, int]:
    """The header at ``at`` in the central directory, and where the next one is."""
    if at + CENTRAL_HEADER.size > len(directory):
        raise damaged("its directory is cut short")
    (
        mark,
        _,
        _,
        flags,
        method,
        _,
        _,
        crc,
        packed,
        size,
        name_length,
        extra_length,
        comment_length,
        disk,
        _,
        _,
        offset,
    ) = CENTRAL_HEADER.unpack_from(directory, at)
    if mark != CENTRAL:
        raise damaged("its directory is damaged")
    if disk not in (0, 0xFFFF):
        raise damaged("it is a part of an archive that is split into several files")
    name_at = at + CENTRAL_HEADER.size
    extra_at = name_at + name_length
    end = extra_at + extra_length + comment_length
    if end > len(directory):
        raise damaged("its directory is cut short")
    extra = directory[extra_at : extra_at + extra_length]
    size, packed, offset = zip64(extra, [size, packed, offset])
    return Entry(directory[name_at:extra_at], flags, method, crc, packed, size, offset), end


def zip64(extra: bytes, fields: list[int]) -> list[int]:
    """``fields``, those that do not fit replaced by what the zip64 extra field says, in its order."""
    at, values = 0, b""
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        if kind == _ZIP64:
            if values:
                raise damaged("a member has two sizes")
            values = extra[at + 4 : at + 4 + length]
        at += 4 + length
    result = []
    for field in fields:
        if field == _IN_EXTRA:
            if len(values) < 8:
                raise damaged("a member's size is missing")
            (field,) = struct.unpack_from("<Q", values)
            values = values[8:]
        result.append(field)
    return result
