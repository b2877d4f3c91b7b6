"""When a source is too slow."""

import pytest

from glimpse.transfer.sources.pace import Pace, Patience, Stalled


def pace(*, stall: float = 10.0, minimum_speed: int = 100) -> Pace:
    return Pace(Patience(connect=1.0, stall=stall, minimum_speed=minimum_speed))


def test_waits_without_a_byte_add_up() -> None:
    watch = pace()
    for _ in range(9):
        watch.note(1.0, 0)
    with pytest.raises(Stalled, match="no byte for 10 seconds"):
        watch.note(1.0, 0)


def test_a_byte_ends_a_pause() -> None:
    watch = pace(minimum_speed=0)
    for _ in range(10):
        watch.note(9.0, 0)
        watch.note(0.5, 1)


def test_the_mean_counts_and_not_the_moment() -> None:
    watch = pace()
    watch.note(1.0, 1000)
    watch.note(8.0, 0)
    watch.note(1.0, 1)
    with pytest.raises(Stalled, match="only 95 bytes per second, fewer than 100"):
        watch.note(10.0, 950)


def test_speed_of_the_past_is_no_credit() -> None:
    watch = pace()
    watch.note(10.0, 10**9)
    with pytest.raises(Stalled, match="only 1 bytes per second"):
        watch.note(10.0, 10)


def test_no_minimum_speed_means_none() -> None:
    watch = pace(minimum_speed=0)
    for _ in range(100):
        watch.note(9.0, 1)
