"""Whether a zip file is the same to everybody who reads it.

A zip file tells twice what it holds: its central directory, and the header before each member. Readers that
believe one or the other can be shown different images, so here both must agree, and every byte of the file must belong
to exactly one thing: then nothing is hidden between members, and members that share their data (which is how a file of
some MiB becomes some PiB) cannot be. The content is read by libarchive, in its child, after this.
"""

import os
import struct

from glimpse.errors import Invalid
from glimpse.transfer.archive import records
from glimpse.transfer.archive.disk import MOST_MEMBERS
from glimpse.transfer.archive.member import shown
from glimpse.transfer.archive.records import Entry, at_most, damaged, exactly

# The most that may stand behind the end record; libarchive looks for it in the last 16 KiB.
_COMMENT = 8 << 10
# A member of a directory has at most some hundred bytes.
_DIRECTORY = 4 << 20

_ENCRYPTED = 1 | 1 << 6 | 1 << 13
_HAS_DESCRIPTOR = 1 << 3
_AES = 99


def check_zip(file: int) -> None:
    """Judge the zip file that is open as the descriptor ``file``.

    Raises UnreadableArchive where it is damaged or could be understood in two ways, Invalid where it is encrypted.
    """
    entries, start = _directory(file)
    position = 0
    for entry in sorted(entries, key=lambda entry: entry.offset):
        if entry.flags & _ENCRYPTED or entry.method == _AES:
            raise Invalid(f"The zip archive is encrypted: '{_name(entry)}' cannot be read.")
        if entry.offset != position:
            what = "members overlap" if entry.offset < position else "there is something between its members"
            raise damaged(f"{what} at byte {min(entry.offset, position)}")
        position = _end(file, entry)
        if position > start:
            raise damaged(f"'{_name(entry)}' reaches into the directory")
    if position != start:
        raise damaged(f"there is something between its members and its directory, at byte {position}")


def _directory(file: int) -> tuple[list[Entry], int]:
    """What the central directory says, and where it begins."""
    size = os.fstat(file).st_size
    end = _end_record(file, size)
    (_, disk, first_disk, here, count, length, start, _) = records.END_RECORD.unpack(
        exactly(file, end, records.END_RECORD.size)
    )
    directory_end = end
    locator_at = end - records.LOCATOR64_RECORD.size
    if locator_at >= 0 and exactly(file, locator_at, 4) == records.LOCATOR64:
        disk, first_disk, here, count, length, start, directory_end = _end64(file, locator_at)
    if disk or first_disk or here != count:
        raise damaged("it is a part of an archive that is split into several files")
    if start + length != directory_end:
        raise damaged("its directory is not where it says, or something follows it")
    if length > _DIRECTORY or count > MOST_MEMBERS:
        raise Invalid(f"The zip archive holds {count} members; at most {MOST_MEMBERS} are allowed.")
    directory = exactly(file, start, length)
    entries: list[Entry] = []
    at = 0
    while at < length:
        entry, at = records.central(directory, at)
        entries.append(entry)
    if len(entries) != count:
        raise damaged(f"its directory has {len(entries)} members and says {count}")
    return entries, start


def _end_record(file: int, size: int) -> int:
    """Where the end record begins; there must be one only, and nothing behind its comment."""
    tail_at = max(0, size - records.END_RECORD.size - _COMMENT)
    tail = exactly(file, tail_at, size - tail_at)
    at = tail.rfind(records.END)
    if at < 0 or at + records.END_RECORD.size > len(tail):
        raise damaged("its end is missing; it is cut short, or something follows it")
    (comment,) = struct.unpack_from("<H", tail, at + records.END_RECORD.size - 2)
    if at + records.END_RECORD.size + comment != len(tail):
        raise damaged("it is cut short, or something follows it")
    return tail_at + at


def _end64(file: int, locator_at: int) -> tuple[int, int, int, int, int, int, int]:
    """The same as the end record says, for large files; and where this record begins."""
    locator = exactly(file, locator_at, records.LOCATOR64_RECORD.size)
    _, _, at, disks = records.LOCATOR64_RECORD.unpack(locator)
    record = exactly(file, at, records.END64_RECORD.size)
    (mark, length, _, _, disk, first_disk, here, count, size, start) = records.END64_RECORD.unpack(record)
    if mark != records.END64 or disks > 1 or at + 12 + length != locator_at:
        raise damaged("the end of its directory is damaged")
    return disk, first_disk, here, count, size, start, at


def _end(file: int, entry: Entry) -> int:
    """Where the member ends, whose local header must say the same as ``entry``."""
    header, length = records.local(file, entry.offset)
    same = (header.name, header.flags, header.method) == (entry.name, entry.flags, entry.method)
    sizes = (header.crc, header.packed, header.size)
    expected = (entry.crc, entry.packed, entry.size)
    descriptor = bool(entry.flags & _HAS_DESCRIPTOR)
    if not same or (sizes != expected and not (descriptor and sizes[0] == 0)):
        raise damaged(f"its directory and the header of '{_name(entry)}' disagree")
    end = entry.offset + length + entry.packed
    return end + _descriptor(file, entry, end) if descriptor else end


def _descriptor(file: int, entry: Entry, at: int) -> int:
    """The length of the record behind a member's data, which says once more what the directory does.

    It has one of four forms: with or without a mark, with sizes of four or eight bytes.
    """
    found = at_most(file, at, 24)
    for mark in (records.DESCRIPTOR, b""):
        for form in ("<LQQ", "<LLL"):
            try:
                expected = mark + struct.pack(form, entry.crc, entry.packed, entry.size)
            except struct.error:
                continue
            if found.startswith(expected):
                return len(expected)
    raise damaged(f"its directory and what stands behind '{_name(entry)}' disagree")


def _name(entry: Entry) -> str:
    return shown(entry.name.decode("utf-8", "replace"))
