import os
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glimpse.transfer.extent import Buffer, Extent
from glimpse.transfer.zeros import BLOCK, RUN, extents, is_zero, refine, zero_buffers
from tests.unit.transfer.helpers import MIB, joined

# An image of some blocks, each zero, data, or data with a single byte set somewhere; and a tail.
blocks = st.lists(
    st.one_of(
        st.just(bytes(BLOCK)),
        st.just(b"\xa5" * BLOCK),
        st.integers(0, BLOCK - 1).map(lambda at: bytes(at) + b"\x01" + bytes(BLOCK - at - 1)),
    ),
    max_size=6,
)
tails = st.one_of(st.integers(0, BLOCK).map(bytes), st.binary(max_size=50))
cuts = st.lists(st.integers(1, 3 * BLOCK), max_size=12)


def zero_bytes(found: list[Extent]) -> list[tuple[int, int]]:
    """The zero ranges as (begin, end), neighbours joined."""
    ranges: list[tuple[int, int]] = []
    for extent in found:
        if extent.is_zero:
            if ranges and ranges[-1][1] == extent.offset:
                ranges[-1] = (ranges[-1][0], extent.offset + extent.length)
            else:
                ranges.append((extent.offset, extent.offset + extent.length))
    return ranges


def expected_zeros(data: bytes) -> list[tuple[int, int]]:
    """What a plain reading of the rule gives: aligned blocks that are all zero."""
    found = [
        Extent(start, len(data[start : start + BLOCK]), None)
        for start in range(0, len(data), BLOCK)
        if not any(data[start : start + BLOCK])
    ]
    return zero_bytes(found)


def chop(data: bytes, sizes: list[int]) -> list[Buffer]:
    pieces: list[Buffer] = []
    position = 0
    for number, size in enumerate(sizes):
        piece = data[position : position + size]
        pieces.append((bytes, bytearray, memoryview)[number % 3](piece))
        position += size
    pieces.append(data[position:])
    return pieces


@given(blocks, tails, cuts)
def test_any_chunking_gives_the_same_zeros_and_bytes(
    parts: list[bytes], tail: bytes, sizes: list[int]
) -> None:
    data = b"".join(parts) + tail
    found = list(extents(chop(data, sizes)))
    assert joined(found) == data
    assert zero_bytes(found) == expected_zeros(data)


@given(blocks, tails, cuts, st.lists(st.booleans(), min_size=13, max_size=13))
def test_holes_and_found_zeros_are_treated_alike(
    parts: list[bytes], tail: bytes, sizes: list[int], holes: list[bool]
) -> None:
    data = b"".join(parts) + tail
    given_extents = []
    offset = 0
    for piece, hole in zip(chop(data, sizes), holes, strict=False):
        if piece:
            known = hole and not any(piece)
            given_extents.append(Extent(offset, len(piece), None if known else piece))
            offset += len(piece)
    found = list(refine(given_extents))
    assert joined(found) == data
    assert zero_bytes(found) == expected_zeros(data)


def test_nothing_gives_nothing() -> None:
    assert list(extents([])) == []
    assert list(extents([b"", b""])) == []


def test_offsets_begin_where_asked() -> None:
    found = list(extents([bytes(BLOCK), b"x" * BLOCK], offset=10 * BLOCK))
    assert [(extent.offset, extent.length, extent.is_zero) for extent in found] == [
        (10 * BLOCK, BLOCK, True),
        (11 * BLOCK, BLOCK, False),
    ]


def test_a_run_across_chunks_is_one_extent() -> None:
    found = list(extents([bytes(MIB)] * 10 + [b"end"]))
    assert [(extent.length, extent.is_zero) for extent in found] == [(10 * MIB, True), (3, False)]


def test_a_found_run_is_passed_on_before_it_grows_too_long() -> None:
    chunks = 0

    def zeros() -> Buffer:
        nonlocal chunks
        chunks += 1
        return bytes(MIB)

    first = next(extents(zeros() for _ in range(1000)))
    assert first == Extent(0, RUN, None)
    assert chunks == RUN // MIB


def test_a_hole_keeps_its_length_whatever_it_is() -> None:
    hole = Extent(0, 1 << 44, None)
    assert list(refine([hole])) == [hole]


def test_data_is_not_copied() -> None:
    chunk = os.urandom(MIB)
    (extent,) = extents([chunk])
    assert extent.data is chunk


def test_a_small_piece_does_not_keep_its_chunk() -> None:
    chunk = b"x" * BLOCK + bytes(MIB - BLOCK)
    extent = next(extents([chunk]))
    assert extent.data == b"x" * BLOCK
    assert isinstance(extent.data, bytes)


def test_zero_buffers_are_views_of_one_buffer() -> None:
    buffers = list(zero_buffers(2 * MIB + 5))
    assert [len(buffer) for buffer in buffers] == [MIB, MIB, 5]
    assert len({id(memoryview(buffer).obj) for buffer in buffers}) == 1
    assert list(zero_buffers(0)) == []


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_is_zero_knows_every_kind_of_buffer(kind: type) -> None:
    assert is_zero(kind(bytes(BLOCK)))
    assert not is_zero(kind(bytes(BLOCK - 1) + b"\x01"))


def test_finding_runs_at_the_speed_of_memory() -> None:
    # Beside a plain comparison of the same bytes, and the best of several, so that a busy machine does no harm. Found
    # as it is, it takes half of that; comparing views takes forty times as long, and any() two hundred.
    data, same = bytes(32 * MIB), bytes(32 * MIB - 1) + b"x"

    def best(work: Callable[[], object]) -> float:
        times = []
        for _ in range(10):
            begin = time.perf_counter()
            work()
            times.append(time.perf_counter() - begin)
        return min(times)

    compared = best(lambda: data == same)
    assert best(lambda: [extent.is_zero for extent in extents([data])]) < 10 * compared
