"""Where a sparse file has data, as its file system tells."""

import os
from collections.abc import Iterator


def data_ranges(descriptor: int, size: int) -> Iterator[tuple[int, int]]:
    """The ranges (begin, end) of the file that are not holes, in order, below ``size``.

    A file system that knows no holes gives one range. The descriptor's position is changed.
    """
    position = 0
    while position < size:
        try:
            begin = os.lseek(descriptor, position, os.SEEK_DATA)
        except OSError:  # ENXIO: nothing but a hole from here.
            return
        if begin >= size:
            return
        end = min(size, os.lseek(descriptor, begin, os.SEEK_HOLE))
        yield begin, end
        position = end
