"""Which kind of archive a stream is, by its first bytes."""

import re

# What is looked at: a tar's first header.
HEAD = 512

# These cannot be read from front to back: what they hold is told at their end.
SEEKING = frozenset({"zip", "7z"})

_TAR_MAGIC = slice(257, 262)
_TAR_CHECKSUM = slice(148, 156)
_ZIP = (b"PK\3\4", b"PK\5\6")
_SEVEN_ZIP = b"7z\xbc\xaf\x27\x1c"
# The method stands behind the two bytes of a header's size, its level (0 to 3) at 20.
_LHA = re.compile(rb"..-(lh[0-9a-z]|lz[s45])-.{13}[\0-\3]", re.DOTALL)


def detect(head: bytes) -> str | None:
    """The archive that begins with ``head`` (:data:`HEAD` bytes, or all): tar, zip, 7z or lha; None: none of them."""
    if head.startswith(_ZIP):
        return "zip"
    if head.startswith(_SEVEN_ZIP):
        return "7z"
    if _LHA.match(head):
        return "lha"
    return "tar" if _is_tar(head) else None


def _is_tar(head: bytes) -> bool:
    """By magic and checksum, so that a disk which happens to have the magic is not taken for one."""
    if len(head) < HEAD or head[_TAR_MAGIC] != b"ustar":
        return False
    field = head[_TAR_CHECKSUM]
    try:
        expected = int(field.strip(b" \0"), 8)
    except ValueError:
        return False
    return expected == sum(head[:HEAD]) - sum(field) + len(field) * ord(" ")
