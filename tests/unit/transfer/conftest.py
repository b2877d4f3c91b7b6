"""Every test of this room ends without the threads that it started."""

import threading
import time
from collections.abc import Iterator

import pytest

from tests.unit.transfer.helpers import DEADLINE


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + DEADLINE
    for thread in set(threading.enumerate()) - before:
        if thread.name.startswith("glimpse-"):
            thread.join(max(0.0, deadline - time.monotonic()))
            assert not thread.is_alive(), f"{thread.name} was left behind"
