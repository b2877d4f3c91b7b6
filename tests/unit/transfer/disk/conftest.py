"""What every test of disk images demands: nothing is left behind."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest


@pytest.fixture(autouse=True)
def nothing_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fails a test after which a child, a zombie or a socket's directory of ours is still there."""
    # A place of this test's own: others run beside it and make theirs.
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    # Servers that other tests of this process share are none of ours.
    before = set(psutil.Process().children(recursive=True))
    yield
    assert set(psutil.Process().children(recursive=True)) <= before
    assert list(place.glob("glimpse-*")) == []
