import errno
import os
import threading
import time

import pytest

from glimpse.errors import Cancelled, ClaimLost, GlimpseError, NoSpace, Unavailable
from glimpse.transfer.extent import Extent
from glimpse.transfer.fanout import MAX_BYTES, DeliveryFailed, FanOut
from tests.unit.transfer.helpers import (
    DEADLINE,
    MIB,
    SOON,
    FailingWriter,
    Recorder,
    RecordingWriter,
    StuckWriter,
    Switch,
    data_extents,
    threads,
)

DATA = os.urandom(40 * MIB)


def feed(fan: FanOut, data: bytes = DATA) -> None:
    for extent in data_extents(data):
        fan.write(extent)


def complete(fan: FanOut) -> None:
    feed(fan)
    fan.finish()


def test_every_writer_gets_everything() -> None:
    writers = {"one": RecordingWriter(), "two": RecordingWriter()}
    progress = Recorder()
    fan = FanOut(writers, total=len(DATA), progress=progress)
    feed(fan)
    outcome = fan.finish()
    assert outcome.ready == ("one", "two")
    assert outcome.failed == {}
    assert all(writer.content == DATA for writer in writers.values())
    assert progress.phases == {
        "deliver:one": (len(DATA), len(DATA)),
        "deliver:two": (len(DATA), len(DATA)),
    }
    assert threads() == []
    assert not any(writer.committed or writer.aborted for writer in writers.values())


def test_a_failing_writer_leaves_and_the_others_go_on() -> None:
    writers = {"bad": FailingWriter(NoSpace("disk full at /bad"), 5 * MIB), "good": RecordingWriter()}
    fan = FanOut(writers, must_all=False)
    feed(fan)
    outcome = fan.finish()
    assert outcome.ready == ("good",)
    assert isinstance(outcome.failed["bad"], NoSpace)
    assert outcome.failed["bad"].message == "disk full at /bad"
    assert writers["bad"].aborted
    assert writers["good"].content == DATA


def test_a_writer_that_fails_with_its_last_bytes_is_not_ready() -> None:
    fan = FanOut({"bad": FailingWriter(Unavailable("gone"), MIB), "good": RecordingWriter()}, must_all=False)
    feed(fan, bytes(MIB))
    outcome = fan.finish()
    assert outcome.ready == ("good",)
    assert list(outcome.failed) == ["bad"]


def test_all_stop_when_all_must_succeed() -> None:
    writers = {"good": RecordingWriter(), "bad": FailingWriter(NoSpace("disk full at /bad"), 5 * MIB)}
    fan = FanOut(writers, must_all=True)
    with pytest.raises(DeliveryFailed, match=r"Store 'bad': disk full at /bad") as caught:
        complete(fan)
    assert isinstance(caught.value.failed["bad"], NoSpace)
    assert caught.value.__cause__ is caught.value.failed["bad"]
    fan.abort()
    assert all(writer.aborted for writer in writers.values())
    assert threads() == []


def test_the_end_comes_when_no_writer_is_left() -> None:
    fan = FanOut(
        {"a": FailingWriter(Unavailable("a is gone")), "b": FailingWriter(Unavailable("b is gone"))},
        must_all=False,
    )
    with pytest.raises(DeliveryFailed) as caught:
        complete(fan)
    assert {store: error.message for store, error in caught.value.failed.items()} == {
        "a": "a is gone",
        "b": "b is gone",
    }
    fan.abort()


def test_a_foreign_error_is_explained() -> None:
    writer = FailingWriter(OSError(errno.ENOSPC, "No space left on device"))
    fan = FanOut({"disk": writer})
    with pytest.raises(DeliveryFailed, match="No space left on device") as caught:
        complete(fan)
    assert isinstance(caught.value.failed["disk"], NoSpace)
    fan.abort()


def test_what_is_queued_for_a_slow_writer_is_bounded() -> None:
    stuck, quick = StuckWriter(), RecordingWriter()
    fan = FanOut({"slow": stuck, "quick": quick})
    written = 0

    def produce() -> None:
        nonlocal written
        for extent in data_extents(DATA):
            fan.write(extent)
            written += 1

    thread = threading.Thread(target=produce)
    thread.start()
    assert stuck.stuck.wait(DEADLINE)
    thread.join(0.5)
    assert thread.is_alive()
    assert written * MIB <= MAX_BYTES + MIB
    stuck.release.set()
    thread.join(DEADLINE)
    assert fan.finish().ready == ("slow", "quick")
    assert stuck.content == quick.content == DATA


def test_stop_ends_the_wait_for_a_slow_writer() -> None:
    stuck, switch = StuckWriter(), Switch()
    fan = FanOut({"slow": stuck, "quick": RecordingWriter()}, stop=switch)
    raised = threading.Event()

    def produce() -> None:
        with pytest.raises(Cancelled):
            feed(fan)
        raised.set()

    thread = threading.Thread(target=produce)
    thread.start()
    assert stuck.stuck.wait(DEADLINE)
    begin = time.monotonic()
    switch.set = True
    assert raised.wait(DEADLINE)
    fan.abort()
    assert time.monotonic() - begin < SOON
    assert not stuck.aborted, "its own thread is still inside of write"
    stuck.release.set()
    assert stuck.gone.wait(DEADLINE), "the thread that comes back aborts its writer"
    thread.join()


def test_stop_ends_the_wait_for_the_last_bytes() -> None:
    stuck, switch = StuckWriter(), Switch()
    fan = FanOut({"slow": stuck}, stop=switch)
    fan.write(Extent(0, MIB, bytes(MIB)))
    assert stuck.stuck.wait(DEADLINE)
    switch.set = True
    with pytest.raises(Cancelled):
        fan.finish()
    fan.abort()
    stuck.release.set()


def test_a_failure_is_seen_while_another_writer_hangs() -> None:
    stuck = StuckWriter()
    fan = FanOut({"slow": stuck, "bad": FailingWriter(Unavailable("gone"), 2 * MIB)}, must_all=True)
    begin = time.monotonic()
    with pytest.raises(DeliveryFailed, match="gone"):
        feed(fan)
    fan.abort()
    assert time.monotonic() - begin < DEADLINE / 2
    stuck.release.set()


def test_abort_takes_back_writers_that_are_ready() -> None:
    writer = RecordingWriter()
    fan = FanOut({"one": writer})
    fan.write(Extent(0, 3, b"abc"))
    assert fan.finish().ready == ("one",)
    fan.abort()
    fan.abort()
    assert writer.aborted
    assert threads() == []


def test_an_abort_that_fails_does_not_hide_why() -> None:
    class Stubborn(FailingWriter):
        def abort(self) -> None:
            raise OSError("cannot remove")

    fan = FanOut({"bad": Stubborn(Unavailable("the reason"))})
    with pytest.raises(DeliveryFailed, match="the reason"):
        complete(fan)
    fan.abort()
    assert threads() == []


def test_no_writer_is_no_error() -> None:
    fan = FanOut({})
    feed(fan)
    assert fan.finish().ready == ()


@pytest.mark.parametrize("error", [ClaimLost("another has it"), Cancelled("told to stop")])
def test_a_lost_claim_is_no_fault_of_a_store(error: GlimpseError) -> None:
    fan = FanOut({"one": FailingWriter(error), "two": RecordingWriter()}, must_all=False)
    with pytest.raises(type(error)) as caught:
        complete(fan)
    assert caught.value is error
    fan.abort()
