import gc
import threading
import time
import weakref
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glimpse.errors import Cancelled, Unavailable
from glimpse.transfer.extent import Buffer
from glimpse.transfer.streams import LARGEST, close, peek, prefetch, regroup
from tests.unit.transfer.helpers import DEADLINE, MIB, SOON, Switch, cut, threads


class Blocking:
    """Gives one chunk, then hangs until it is closed."""

    def __init__(self) -> None:
        self.waiting = threading.Event()
        self.closed = threading.Event()
        self.generator_closed = False

    def chunks(self) -> Iterator[Buffer]:
        try:
            yield b"first"
            self.waiting.set()
            assert self.closed.wait(DEADLINE)
            raise Cancelled("closed")
        finally:
            self.generator_closed = True

    def close(self) -> None:
        self.closed.set()


def test_prefetch_gives_the_same_bytes_in_order() -> None:
    data = bytes(range(256)) * 5000
    assert b"".join(prefetch(cut(data, 7777))) == data
    assert threads() == []


def test_prefetch_of_nothing_is_nothing() -> None:
    nothing: list[Buffer] = []
    assert list(prefetch(nothing)) == []


def test_upstream_runs_in_another_thread() -> None:
    seen: list[str] = []

    def chunks() -> Iterator[Buffer]:
        seen.append(threading.current_thread().name)
        yield b"x"

    assert list(prefetch(chunks())) == [b"x"]
    assert seen == ["glimpse-prefetch"]


def test_upstreams_error_comes_after_the_chunks_before_it() -> None:
    def chunks() -> Iterator[Buffer]:
        yield b"a"
        yield b"b"
        raise Unavailable("connection reset by 192.0.2.1")

    stream = prefetch(chunks())
    assert [next(stream), next(stream)] == [b"a", b"b"]
    with pytest.raises(Unavailable, match=r"connection reset by 192\.0\.2\.1"):
        next(stream)
    stream.close()
    assert threads() == []


def test_prefetch_is_never_further_ahead_than_allowed() -> None:
    taken = 0
    ahead = 0
    consumed = 0

    def chunks() -> Iterator[Buffer]:
        nonlocal taken, ahead
        for _ in range(50):
            taken += 1
            ahead = max(ahead, taken - consumed)
            yield bytes(MIB)

    for _ in prefetch(chunks(), 8, max_bytes=3 * MIB):
        consumed += 1
        time.sleep(0.001)  # A slow consumer is the case being tested.
    assert consumed == 50
    # Three in the queue, one that waits for room, one that the consumer has not counted yet.
    assert ahead <= 5


def test_closing_early_ends_the_upstream() -> None:
    ended = threading.Event()

    def chunks() -> Iterator[Buffer]:
        try:
            while True:
                yield bytes(1000)
        finally:
            ended.set()

    stream = prefetch(chunks())
    next(stream)
    stream.close()
    assert threads() == []
    assert ended.is_set()
    stream.close()


def test_closing_early_unblocks_a_source_that_waits() -> None:
    source = Blocking()
    with prefetch(source.chunks(), closing=source.close) as stream:
        assert next(stream) == b"first"
        assert source.waiting.wait(DEADLINE)
    assert threads() == []
    assert source.generator_closed


def test_closing_a_stack_of_prefetches_ends_all_threads() -> None:
    source = Blocking()
    inner = prefetch(source.chunks(), closing=source.close)
    outer = prefetch(regroup(inner), closing=inner.close)
    assert source.waiting.wait(DEADLINE)
    outer.close()
    assert threads() == []


def test_stop_ends_a_reader_whose_source_is_silent() -> None:
    source = Blocking()
    switch = Switch()
    stream = prefetch(source.chunks(), closing=source.close, stop=switch)
    assert next(stream) == b"first"
    assert source.waiting.wait(DEADLINE)
    switch.set = True
    begin = time.monotonic()
    with pytest.raises(Cancelled, match="stopped by the test"):
        next(stream)
    stream.close()
    assert time.monotonic() - begin < SOON
    assert threads() == []


def test_a_stream_closed_by_another_thread_is_not_complete() -> None:
    source = Blocking()
    stream = prefetch(source.chunks(), closing=source.close)
    assert next(stream) == b"first"
    assert source.waiting.wait(DEADLINE)
    closer = threading.Thread(target=stream.close)
    closer.start()
    with pytest.raises(Cancelled):
        next(stream)
    closer.join()


def test_a_forgotten_prefetch_ends_its_thread() -> None:
    def chunks() -> Iterator[Buffer]:
        while True:
            yield bytes(1000)

    stream = prefetch(chunks())
    next(stream)
    gone = weakref.ref(stream)
    del stream
    gc.collect()
    assert gone() is None
    deadline = time.monotonic() + DEADLINE
    while threads() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threads() == []


@given(data=st.binary(max_size=3000), step=st.integers(1, 500), length=st.integers(0, 4000))
def test_peek_gives_the_head_and_keeps_the_stream(data: bytes, step: int, length: int) -> None:
    head, stream = peek(cut(data, step), length)
    assert head == data[:length]
    assert b"".join(stream) == data


@pytest.mark.parametrize("taken", [0, 1])
def test_closing_a_peeked_stream_closes_its_upstream(taken: int) -> None:
    source = Blocking()
    source.close()
    _, stream = peek(source.chunks(), 3)
    for _ in range(taken):
        next(stream)
    close(stream)
    assert source.generator_closed
    assert next(stream, None) is None


def test_a_peeked_stream_that_ends_closes_its_upstream() -> None:
    class Upstream:
        closed = False

        def __init__(self) -> None:
            self.chunks = iter([b"123", b"45"])

        def __iter__(self) -> Iterator[Buffer]:
            return self

        def __next__(self) -> Buffer:
            return next(self.chunks)

        def close(self) -> None:
            self.closed = True

    upstream = Upstream()
    assert b"".join(peek(upstream, 2)[1]) == b"12345"
    assert upstream.closed


@given(st.lists(st.integers(0, 3000), max_size=40), st.integers(1, 2000))
def test_regroup_keeps_the_bytes_and_joins_the_small_ones(sizes: list[int], smallest: int) -> None:
    chunks: list[Buffer] = [bytes([index % 256]) * size for index, size in enumerate(sizes)]
    pieces = list(regroup(chunks, smallest))
    assert b"".join(pieces) == b"".join(chunks)
    assert all(pieces)
    # No two neighbours could still be joined: one of them is as large as asked for.
    assert all(len(one) >= smallest or len(two) >= smallest for one, two in pairwise(pieces))


def test_regroup_cuts_what_is_too_large() -> None:
    data = bytes(range(256)) * (10 * MIB // 256) + b"end"
    pieces = list(regroup([data]))
    assert max(len(piece) for piece in pieces) == LARGEST
    assert b"".join(pieces) == data
