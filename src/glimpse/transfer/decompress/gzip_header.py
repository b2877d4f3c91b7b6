"""The header of a gzip member (RFC 1952, 2.3).

Read here because ISA-L's own reader is wrong when a header with a checksum or several optional fields is cut in two
(seen with isal 1.9.1; ``tests/unit/transfer/decompress/test_gzip_header.py`` cuts everywhere).
"""

import struct
import zlib

from glimpse.errors import Invalid

MAGIC = b"\x1f\x8b"
DEFLATE = 8
FIXED = 10
# A header without any optional part: what a decoder is given instead of the one that was read.
PLAIN = MAGIC + bytes((DEFLATE,)) + bytes(FIXED - 3)
# The extra field may have 64 KiB; names and comments have no limit of their own, and none that is real comes near.
LONGEST = 128 * 1024

_CHECKSUM, _EXTRA, _NAME, _COMMENT, _RESERVED = 2, 4, 8, 16, 0xE0


def header_length(data: bytes) -> int | None:
    """The length of the header that ``data`` begins with; None while it is not complete.

    Raises Invalid for a header that no decompressor could follow, or that does not match its checksum.
    """
    if not MAGIC.startswith(data[:2]):
        raise Invalid("This is not gzip data: it does not begin with 1f 8b.")
    if len(data) > 2 and data[2] != DEFLATE:
        raise Invalid(f"The gzip header names compression method {data[2]}; only 8 (deflate) exists.")
    if len(data) > 3 and data[3] & _RESERVED:
        raise Invalid(f"The gzip header has flags that do not exist ({data[3]:#04x}).")
    length = _length(data)
    if (length is None and len(data) > LONGEST) or (length or 0) > LONGEST:
        raise Invalid(f"The gzip header is longer than {LONGEST} bytes.")
    return length


def _length(data: bytes) -> int | None:
    if len(data) < FIXED:
        return None
    flags, end = data[3], FIXED
    if flags & _EXTRA:
        if len(data) < end + 2:
            return None
        end += 2 + int.from_bytes(data[end : end + 2], "little")
    for flag in (_NAME, _COMMENT):
        if flags & flag:
            end = data.find(0, end) + 1
            if not end:
                return None
    if flags & _CHECKSUM:
        if len(data) < end + 2:
            return None
        (expected,) = struct.unpack_from("<H", data, end)
        if zlib.crc32(data[:end]) & 0xFFFF != expected:
            raise Invalid("The gzip header is damaged: its checksum does not match.")
        end += 2
    return end if len(data) >= end else None
