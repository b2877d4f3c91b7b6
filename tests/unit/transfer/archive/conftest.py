"""Every test of archives ends without a child or a file of ours."""

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """Fails a test after which a child, a zombie or an open descriptor of ours is still there."""
    children = set(psutil.Process().children(recursive=True))
    descriptors = _pipes_and_files()
    yield
    assert set(psutil.Process().children(recursive=True)) <= children
    assert _pipes_and_files() <= descriptors


def _pipes_and_files() -> set[str]:
    """What this process has open, by what it is: numbers are used again."""
    found = set()
    for link in Path("/proc/self/fd").iterdir():
        try:
            target = str(link.readlink())
        except FileNotFoundError:  # the descriptor that lists the directory
            continue
        if target.startswith(("pipe:", "/tmp")):
            found.add(target)
    return found
