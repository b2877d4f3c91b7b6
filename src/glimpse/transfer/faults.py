"""Turns what the operating system and libraries raise into errors for the person who reads them."""

import errno

from glimpse.errors import GlimpseError, NoSpace, Unavailable

# What "full" looks like: the disk, the quota, and the largest file that the file system takes.
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def explain(error: BaseException, doing: str) -> GlimpseError:
    """``error`` as a GlimpseError whose message begins with ``doing`` ("writing to /x"); one that is one
    already stays.

    A full disk is NoSpace, any other failure of the operating system Unavailable, the rest an internal error.
    """
    if isinstance(error, GlimpseError):
        return error
    if isinstance(error, OSError):
        reason = error.strerror or str(error) or type(error).__name__
        kind = NoSpace if error.errno in FULL else Unavailable
        explained: GlimpseError = kind(f"{doing}: {reason}")
    else:
        explained = GlimpseError(f"{doing}: {str(error) or type(error).__name__}")
    explained.__cause__ = error
    return explained
