"""How files of an image are named, so that any process can tell whose they are and under which claim they
came.

``<image>`` and ``<image>.<claim>`` are committed objects, ``<image>.<claim>.<word>`` (``part``, ``spool``)
are still being written. A plain ``<image>`` carries its claim in an extended attribute; where the file system
has none, or the file was made by Glance, it counts as claim 0: older than any of ours.
"""

import contextlib
import os
from pathlib import Path

from glimpse.errors import Invalid

ATTRIBUTE = "user.glimpse.claim"


def check_image_id(image_id: str) -> str:
    """``image_id`` when it is safe as a file name that is cut at its first dot; else raises Invalid."""
    if not image_id or not all(letter.isalnum() or letter in "-_" for letter in image_id):
        raise Invalid(f"{image_id!r} cannot be an image's identifier.")
    return image_id


def part_name(image_id: str, claim: int) -> str:
    """The name of an object while it is being written."""
    return f"{image_id}.{claim}.part"


def claimed_name(image_id: str, claim: int) -> str:
    """The name of a committed object where the plain one was taken."""
    return f"{image_id}.{claim}"


def image_of(name: str) -> str:
    """The image a file of this name belongs to."""
    return name.partition(".")[0]


def mark(fd: int, claim: int) -> None:
    """Note in the file itself under which claim it was written, where the file system can."""
    with contextlib.suppress(OSError):
        os.setxattr(fd, ATTRIBUTE, str(claim).encode())


def claim_of(path: Path) -> int:
    """The claim under which ``path`` was written; 0 where nothing tells."""
    word = path.name.partition(".")[2].partition(".")[0]
    if word.isdecimal():
        return int(word)
    try:
        return int(os.getxattr(path, ATTRIBUTE, follow_symlinks=False))
    except (OSError, ValueError):
        return 0


def files_of(directory: Path, image_id: str) -> list[Path]:
    """Every file of this image in ``directory``, of whatever claim. A missing directory has none."""
    try:
        with os.scandir(directory) as entries:
            return sorted(directory / entry.name for entry in entries if image_of(entry.name) == image_id)
    except FileNotFoundError:
        return []


def remove_files(directory: Path, image_id: str, keep: frozenset[Path], claim: int | None) -> list[Path]:
    """Remove this image's files that are not in ``keep`` and not of a higher claim than ``claim``; what was
    removed.
    """
    removed = []
    for path in files_of(directory, check_image_id(image_id)):
        if path in keep or (claim is not None and claim_of(path) > claim):
            continue
        path.unlink(missing_ok=True)
        removed.append(path)
    return removed
