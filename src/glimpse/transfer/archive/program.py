"""The program that parses archives, run in a confined child process and nowhere else.

It is given an archive as its standard input and says on its standard output, in frames, what it holds. It runs in
a place where nothing of this project is but this file, so it needs only the standard library and libarchive.

A Python program with a dozen declarations, because it can say where a member begins, what a hole is and what is wrong
in libarchive's own words; ``bsdtar -xO`` joins all members into one stream. The package libarchive-c looks for the
library by running other programs, which are not there, and copies every block twice.

Measured with 2 cores: 64 ms from start to the first frame (Python 23, ctypes and libarchive 11, bubblewrap 4). A tar of
1 GiB through both pipes takes 0.3 s of processor time here and 0.25 s in the service; bsdtar takes as long.
"""

import ctypes
import os
import resource
import stat
import struct
import sys
from collections.abc import Iterable
from typing import Any

# A frame is one byte for its kind and eight for the length of what follows; a hole is followed by nothing.
FRAME = struct.Struct("<cQ")
MEMBER, DATA, HOLE, END, ERROR = b"M", b"D", b"H", b"Z", b"X"
# Begins a MEMBER frame, before the name: whether it is a regular file, and whether it is encrypted.
ATTRIBUTES = struct.Struct("<??")
LONGEST_NAME = 4096
LONGEST_TEXT = 1000
LONGEST_DATA = 4 << 20

FORMATS = {"tar": "tar", "zip": "zip_seekable", "7z": "7zip", "lha": "lha"}

# What one read of the input may give: as much as its pipe holds.
_BLOCK = 1 << 20
_LC_CTYPE = 0
# A second of processor time is earned with so many bytes that are given: a fifth of what the slowest method does
# (bzip2 in 7z). The limit is raised each time that so many more are there.
_BYTES_PER_SECOND = 2 << 20
_RAISE = 64 << 20
_OK, _EOF, _WARN = 0, 1, -20
_CLEAN = (_OK, _EOF)
# A warning about a header says that a name cannot be shown here, or a date; one about data that it is damaged.
_FAIR = (_OK, _EOF, _WARN)


class Damaged(Exception):
    """The archive cannot be read; says why."""


def _library() -> Any:
    """libarchive, with what its functions take and give where that is not an int."""
    library = ctypes.CDLL("libarchive.so.13")
    pointer, text = ctypes.c_void_p, ctypes.c_char_p
    for name, gives, takes in (
        ("archive_read_new", pointer, ()),
        ("archive_read_set_options", ctypes.c_int, (pointer, text)),
        ("archive_read_open_fd", ctypes.c_int, (pointer, ctypes.c_int, ctypes.c_size_t)),
        ("archive_read_next_header", ctypes.c_int, (pointer, ctypes.POINTER(pointer))),
        (
            "archive_read_data_block",
            ctypes.c_int,
            (
                pointer,
                ctypes.POINTER(pointer),
                ctypes.POINTER(ctypes.c_size_t),
                ctypes.POINTER(ctypes.c_longlong),
            ),
        ),
        ("archive_error_string", text, (pointer,)),
        ("archive_entry_pathname", text, (pointer,)),
        ("archive_entry_pathname_utf8", text, (pointer,)),
        ("archive_entry_hardlink", text, (pointer,)),
        ("archive_entry_filetype", ctypes.c_uint, (pointer,)),
        ("archive_entry_size", ctypes.c_longlong, (pointer,)),
        ("archive_entry_is_encrypted", ctypes.c_int, (pointer,)),
        *((f"archive_read_support_format_{name}", ctypes.c_int, (pointer,)) for name in FORMATS.values()),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = gives, takes
    return library


class Archive:
    """The archive on standard input, told member by member."""

    def __init__(self, format: str) -> None:
        ctypes.CDLL(None).setlocale(_LC_CTYPE, b"C.UTF-8")  # else names beyond ASCII are lost
        self._library = _library()
        self._archive = self._library.archive_read_new()
        self._tar = format == "tar"
        self._given = 0
        getattr(self._library, f"archive_read_support_format_{FORMATS[format]}")(self._archive)
        if self._tar:
            # Members behind the end of the archive are members: nothing is hidden from whoever counts the disks.
            self._library.archive_read_set_options(self._archive, b"tar:read_concatenated_archives")
        self._expect(self._library.archive_read_open_fd(self._archive, 0, _BLOCK), _CLEAN)

    def tell(self) -> None:
        """Everything that it holds. Raises Damaged."""
        entry = ctypes.c_void_p()
        read_header = self._library.archive_read_next_header
        while self._expect(read_header(self._archive, ctypes.byref(entry)), _FAIR) != _EOF:
            self._tell_member(entry)

    def _tell_member(self, entry: ctypes.c_void_p) -> None:
        name = self._library.archive_entry_pathname(entry)
        if name is None:
            name = self._library.archive_entry_pathname_utf8(entry) or b"?"
        regular = stat.S_ISREG(self._library.archive_entry_filetype(entry))
        regular = regular and self._library.archive_entry_hardlink(entry) is None
        encrypted = bool(self._library.archive_entry_is_encrypted(entry))
        say(MEMBER, ATTRIBUTES.pack(regular, encrypted), name[:LONGEST_NAME])
        if regular and not encrypted:
            self._tell_data(self._library.archive_entry_size(entry))

    def _tell_data(self, length: int) -> None:
        address, size, offset = ctypes.c_void_p(), ctypes.c_size_t(), ctypes.c_longlong()
        into = ctypes.byref(address), ctypes.byref(size), ctypes.byref(offset)
        told = 0
        while self._expect(self._library.archive_read_data_block(self._archive, *into), _CLEAN) != _EOF:
            if offset.value < told:
                raise Damaged("a member's parts overlap")
            say_hole(offset.value - told)
            told = offset.value + size.value
            self._earn(size.value)
            for start in range(0, size.value, LONGEST_DATA):
                piece = min(LONGEST_DATA, size.value - start)
                say(DATA, (ctypes.c_char * piece).from_address((address.value or 0) + start))
        if told < length and not self._tar:
            raise Damaged(f"a member ends after {told} of {length} bytes")
        say_hole(length - told)

    def _earn(self, given: int) -> None:
        """Allow ourselves more processor time for bytes given. Code that spins never comes here."""
        before, self._given = self._given, self._given + given
        if before // _RAISE < self._given // _RAISE:
            soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
            more = soft + _RAISE // _BYTES_PER_SECOND
            resource.setrlimit(resource.RLIMIT_CPU, (more if hard < 0 else min(more, hard), hard))

    def _expect(self, result: int, allowed: tuple[int, ...]) -> int:
        if result not in allowed:
            words = self._library.archive_error_string(self._archive) or b"it cannot be read"
            raise Damaged(words.decode("utf-8", "replace"))
        return result


def say(kind: bytes, *parts: Any) -> None:
    """Write a frame, all of it."""
    pieces = [memoryview(part).cast("B") for part in parts]
    _write([memoryview(FRAME.pack(kind, sum(map(len, pieces)))), *pieces])


def say_hole(length: int) -> None:
    """Write that ``length`` zeros come here, if any do."""
    if length > 0:
        _write([memoryview(FRAME.pack(HOLE, length))])


def _write(pieces: Iterable[memoryview]) -> None:
    left = list(pieces)
    while left:
        written = os.writev(1, left)
        while left and written >= len(left[0]):
            written -= len(left.pop(0))
        if left:
            left[0] = left[0][written:]


def main(format: str) -> None:
    """Tell what the archive holds, and in the end that this was all or why it was not."""
    try:
        Archive(format).tell()
        while os.read(0, _BLOCK):
            pass  # Whoever feeds us wants to know that its own last bytes are right, too.
    except Damaged as damage:
        say(ERROR, str(damage).encode()[:LONGEST_TEXT])
    except MemoryError:
        say(ERROR, b"it needs more memory than it may have")
    else:
        say(END)


if __name__ == "__main__":
    main(sys.argv[1])
