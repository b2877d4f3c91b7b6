"""Frames without content, which zstd and lz4 have in common (RFC 8878, 3.1.2).

Programs put an index or notes into them. A stream may begin with one, as those of ``pzstd`` do, and only what
follows tells which of the two it is.
"""

_LEAST, _MOST = 0x184D2A50, 0x184D2A5F
_HEADER = 8


def begins(head: bytes) -> bool:
    """Whether data that begins with ``head`` (one byte or more) may begin with such a frame."""
    number = int.from_bytes(head[:4], "little")
    mask = (1 << 8 * min(4, len(head))) - 1
    return _LEAST & mask <= number <= _MOST & mask


def after(head: bytes) -> bytes:
    """``head`` without the frames of that kind that it begins with."""
    while len(head) >= _HEADER and begins(head):
        head = head[_HEADER + int.from_bytes(head[4:_HEADER], "little") :]
    return head
