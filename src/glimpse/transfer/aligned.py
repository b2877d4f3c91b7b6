"""Memory that a disk can read directly: it begins at the beginning of a page."""

import ctypes

# What every disk and file system asks for at most.
PAGE = 4096


def aligned(length: int) -> memoryview:
    """``length`` zero bytes in new memory, writable, at an address that is a multiple of :data:`PAGE`.

    A little more is taken from the ordinary heap, so that its pages are used again; pages of one's own would be
    cleared by the kernel for every buffer.
    """
    memory = bytearray(length + PAGE)
    start = -ctypes.addressof(ctypes.c_char.from_buffer(memory)) % PAGE
    return memoryview(memory)[start : start + length]
