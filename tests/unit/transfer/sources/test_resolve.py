"""Names are resolved in limited time, and a stop is heard meanwhile."""

import socket
import threading
from collections.abc import Iterator, Sequence
from time import monotonic

import pytest

from glimpse.errors import Cancelled
from glimpse.transfer.sources.resolve import Resolve, within


@pytest.fixture
def silent() -> Iterator[Resolve]:
    """A resolver that is not answered before the test ends."""
    ended = threading.Event()

    def resolve(host: str) -> Sequence[str]:
        ended.wait(30)
        return []

    yield resolve
    ended.set()


def test_answers_and_failures_pass_unchanged() -> None:
    assert within(5, lambda host: [host, "10.0.0.1"])("mirror.example") == ["mirror.example", "10.0.0.1"]
    failure = socket.gaierror(socket.EAI_NONAME, "no such name")

    def fail(host: str) -> Sequence[str]:
        raise failure

    with pytest.raises(socket.gaierror) as caught:
        within(5, fail)("mirror.example")
    assert caught.value is failure


def test_silence_is_given_up_in_time_and_may_pass(silent: Resolve) -> None:
    started = monotonic()
    with pytest.raises(socket.gaierror, match=r"no answer from the name server in 0\.2 seconds") as caught:
        within(0.2, silent)("mirror.example")
    assert caught.value.errno == socket.EAI_AGAIN
    assert monotonic() - started < 3


def test_a_stop_is_heard_while_the_name_server_is_silent(silent: Resolve) -> None:
    def stopped() -> None:
        raise Cancelled("told to stop")

    started = monotonic()
    with pytest.raises(Cancelled):
        within(30, silent, stopped)("mirror.example")
    assert monotonic() - started < 3
