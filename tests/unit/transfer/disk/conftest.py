"""What every test of disk images demands: nothing is left behind."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """Fails a test after which a child, a zombie or a socket's directory of ours is still there."""
    sockets = set(Path(tempfile.gettempdir()).glob("glimpse-*"))
    yield
    assert psutil.Process().children(recursive=True) == []
    assert set(Path(tempfile.gettempdir()).glob("glimpse-*")) <= sockets
