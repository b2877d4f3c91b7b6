"""Byte ranges."""

import pytest

from glimpse.api.errors import HttpError, status_of
from glimpse.api.ranges import Part, requested
from glimpse.errors import GlimpseError


@pytest.mark.parametrize(
    ("header", "start", "length"),
    [
        ("bytes=0-9", 0, 10),
        ("bytes=0-0", 0, 1),
        ("bytes=5-", 5, 95),
        ("bytes=-10", 90, 10),
        ("bytes=-1000", 0, 100),
        ("bytes=90-1000", 90, 10),
        ("bytes=99-99", 99, 1),
        (" Bytes = 1 - 2 ", 1, 2),
    ],
)
def test_one_range(header: str, start: int, length: int) -> None:
    assert requested(header, None, 100) == Part(start, length, 100)


def test_the_answer_says_which_part_it_is() -> None:
    part = requested("bytes=5-9", None, 100)
    assert part is not None
    assert part.content_range == "bytes 5-9/100"


@pytest.mark.parametrize(
    "header",
    ["bytes=100-", "bytes=100-200", "bytes=9-5", "bytes=-0", "bytes=-", "bytes=a-b", "bytes", "lines=0-1",
     "bytes=1", "bytes=--5", "bytes=0x1-2", "", "bytes=" + "9" * 30 + "-"],
)  # fmt: skip
def test_what_cannot_be_served_is_416(header: str) -> None:
    with pytest.raises(HttpError) as refused:
        requested(header, None, 100)
    assert refused.value.status == 416


def test_several_ranges_are_400() -> None:
    with pytest.raises(GlimpseError) as refused:
        requested("bytes=0-1,5-6", None, 100)
    assert status_of(refused.value) == 400


def test_nothing_can_be_asked_of_an_empty_image() -> None:
    for header in ("bytes=0-", "bytes=-5", "bytes=0-0"):
        with pytest.raises(HttpError):
            requested(header, None, 0)


def test_no_header_asks_for_everything() -> None:
    assert requested(None, None, 100) is None


def test_old_clients_ask_by_content_range() -> None:
    assert requested(None, "bytes 5-9/100", 100) == Part(5, 5, 100)
    assert requested(None, "bytes 5-9/*", 100) == Part(5, 5, 100)
    assert requested("bytes=0-0", "bytes 5-9/*", 100) == Part(0, 1, 100)
    with pytest.raises(HttpError):
        requested(None, "bytes=5-9", 100)
