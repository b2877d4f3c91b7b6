import threading
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from glimpse.transfer.batch import COUNT, DATA, SPAN, batches
from glimpse.transfer.extent import Extent
from tests.unit.transfer.helpers import MIB

lengths = st.lists(st.tuples(st.integers(1, 3 * SPAN), st.booleans()), max_size=40)


class Fake(bytes):
    """Data of any length that takes no memory."""


def extents(parts: list[tuple[int, bool]]) -> Iterator[Extent]:
    offset = 0
    for length, zero in parts:
        yield Extent(offset, length, None if zero else Fake())
        offset += length


@given(lengths)
def test_the_extents_stay_in_order_and_only_holes_are_cut(parts: list[tuple[int, bool]]) -> None:
    given_extents = list(extents(parts))
    flat = [extent for batch in batches(given_extents) for extent in batch]
    assert [extent for extent in flat if not extent.is_zero] == [
        extent for extent in given_extents if not extent.is_zero
    ]
    position = 0
    for extent in flat:
        assert extent.offset == position
        position += extent.length
        assert not extent.is_zero or extent.length <= SPAN
    assert position == sum(length for length, _ in parts)


@given(st.lists(st.tuples(st.integers(1, DATA), st.booleans()), max_size=300))
def test_batches_are_neither_empty_nor_too_large(parts: list[tuple[int, bool]]) -> None:
    found = list(batches(extents(parts)))
    for batch in found:
        assert 1 <= len(batch) <= COUNT
        assert sum(extent.length for extent in batch if not extent.is_zero) < 2 * DATA
    for batch in found[:-1]:
        data = sum(extent.length for extent in batch if not extent.is_zero)
        span = sum(extent.length for extent in batch)
        assert data >= DATA or span >= SPAN or len(batch) == COUNT


def test_small_extents_go_together() -> None:
    # Alternating data and zeros of 64 KiB, the worst that zero detection gives.
    parts = [(65536, number % 2 == 0) for number in range(320)]
    assert [len(batch) for batch in batches(extents(parts))] == [32] * 10


def test_a_chunk_is_passed_on_at_once() -> None:
    endless = (Extent(number * MIB, MIB, bytes(MIB)) for number in range(1 << 30))
    assert len(next(batches(endless))) == 1


def test_closing_closes_the_upstream() -> None:
    closed = threading.Event()

    def upstream() -> Iterator[Extent]:
        try:
            yield from extents([(MIB, False)] * 9)
        finally:
            closed.set()

    found = batches(upstream())
    assert isinstance(found, Iterator)
    next(found)
    found.close()  # type: ignore[attr-defined]
    assert closed.is_set()
