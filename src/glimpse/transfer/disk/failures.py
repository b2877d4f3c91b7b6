"""What can go wrong when a confined program reads or writes a disk image, in words for its owner."""

import signal

from glimpse.errors import GlimpseError, Invalid, NoSpace, TooLarge, Unavailable

# What qemu says of a disk that is full.
_FULL = ("No space left on device", "Disk quota exceeded")
_WRITING = "error while writing"
_CONVERTING = "error while converting"


class UnreadableImage(Invalid):
    """The image is damaged, or needs more than it may use."""

    code = "unreadable-image"


class ReaderDied(Unavailable):
    """The process that read the image was killed from outside."""

    code = "reader-died"


def ended(source_format: str, status: int, words: str, *, otherwise: str = "") -> GlimpseError:
    """Why a program that read a ``source_format`` image ended with ``status`` (minus a signal's number).

    ``words`` is what it said, ``otherwise`` what to say where it said nothing.
    """
    if status == -signal.SIGXCPU:
        return UnreadableImage(f"reading the {source_format} image took too much CPU time")
    if status == -signal.SIGXFSZ:
        return TooLarge(f"converting the {source_format} image gives more data than its disk can hold")
    if status == -signal.SIGKILL:
        return ReaderDied(f"the process that read the {source_format} image was killed")
    if any(text in words for text in _FULL):
        return NoSpace(
            f"there is no space left to convert the {source_format} image",
            hint="free some, or place staging elsewhere",
        )
    if _CONVERTING in words:
        return Invalid(f"the {source_format} image cannot be converted: {words}")
    if _WRITING in words:
        return Unavailable(f"cannot write the converted {source_format} image: {words}")
    reason = words or (f"its reader ended with status {status}" if status else otherwise)
    return UnreadableImage(f"cannot read the {source_format} image: {reason}")
