"""Filters of listings: operators, lists of values, times, ranges."""

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glimpse.api import filters
from glimpse.api.filters import comparisons, quoted, values
from glimpse.api.paging import links, parameters, query
from glimpse.catalog.records import Comparison, Operator
from glimpse.errors import Invalid

NOON = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
AFTER = datetime(2026, 3, 1, 12, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("name", "x", ("eq", ("x",))),
        ("name", "eq:a:b", ("eq", ("a:b",))),
        ("status", "in:active,queued", ("in", ("active", "queued"))),
        ("name", 'in:a,"b,c"', ("in", ("a", "b,c"))),
        ("name", r'in:"say \"no\"",x', ("in", ('say "no"', "x"))),
        ("name", "ubuntu:22.04", ("eq", ("ubuntu:22.04",))),
        ("name", ":a", ("eq", (":a",))),
        ("id", "in:", ("in", ("",))),
        ("disk_format", "in:raw,,", ("in", ("raw", "", ""))),
    ],
)
def test_operators(name: str, value: str, found: tuple[Operator, tuple[str, ...]]) -> None:
    assert comparisons(name, value) == [Comparison(name, *found)]


@pytest.mark.parametrize("value", ['in:"a', 'in:a"b', 'in:"a"b', 'in:a,"b', 'in:"a" ,b', r'in:"a\"'])
def test_quotes_that_do_not_enclose_whole_values_are_refused(value: str) -> None:
    with pytest.raises(Invalid):
        comparisons("name", value)


@pytest.mark.parametrize(
    ("name", "value"), [("name", "gt:a"), ("name", "neq:a"), ("status", "a:b"), ("id", ":a")]
)
def test_an_operator_that_texts_do_not_have_is_refused(name: str, value: str) -> None:
    with pytest.raises(Invalid):
        comparisons(name, value)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("gte:2026-03-01T12:00:00Z", [("gte", NOON)]),
        ("lt:2026-03-01T12:00:00Z", [("lt", NOON)]),
        ("gt:2026-03-01T12:00:00Z", [("gte", AFTER)]),
        ("lte:2026-03-01T12:00:00Z", [("lt", AFTER)]),
        ("eq:2026-03-01T13:00:00+01:00", [("gte", NOON), ("lt", AFTER)]),
        ("2026-03-01T12:00:00", [("gte", NOON), ("lt", AFTER)]),
        ("neq:20260301T120000Z", [("neq", NOON, AFTER)]),
        ("gt:2026-03-01T12:00:00.5Z", [("gt", NOON.replace(microsecond=500_000))]),
        ("gte:2026-03-01", [("gte", NOON.replace(hour=0))]),
    ],
)
def test_a_time_to_the_second_means_all_of_that_second(
    value: str, found: list[tuple[Operator, *tuple[datetime, ...]]]
) -> None:
    assert comparisons("created_at", value) == [
        Comparison("created_at", operator, tuple(moments)) for operator, *moments in found
    ]


@pytest.mark.parametrize(
    "value",
    [
        "",
        "x",
        "in:2026-03-01",
        "gt:",
        "gt",
        "like:2026-03-01",
        "9999-12-31T23:59:59Z",
        "gt:0001-01-01T00:00+01:00",
    ],
)  # fmt: skip
def test_what_is_no_time_is_refused(value: str) -> None:
    with pytest.raises(Invalid):
        comparisons("updated_at", value)


def test_ranges() -> None:
    assert comparisons("size_min", "5") == [Comparison("size", "gte", (5,))]
    assert comparisons("min_ram_max", "-1") == [Comparison("min_ram", "lte", (-1,))]
    for name, value in (("size_min", "x"), ("size_max", ""), ("size_min", "1" * 19), ("colour_min", "1")):
        with pytest.raises(Invalid):
            comparisons(name, value)


def test_a_span_of_time_can_be_asked_for() -> None:
    pairs = parameters(b"created_at=gte:2026-03-01T12:00:00Z&created_at=lt:2026-03-01T12:00:01Z")
    found = query(pairs, default_limit=25, longest=1000)
    assert found.comparisons == (
        Comparison("created_at", "gte", (NOON,)),
        Comparison("created_at", "lt", (AFTER,)),
    )


def test_other_names_are_compared_for_equality() -> None:
    for name in ("owner", "colour", "checksum", "size", "_min_x"):
        assert comparisons(name, "gt:1") is None


STORABLE = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"], exclude_characters="\0"))


@given(st.lists(STORABLE, min_size=1))
def test_every_list_of_values_can_be_written_and_is_read_back(items: list[str]) -> None:
    assert values(quoted(items)) == tuple(items)


@given(st.text(alphabet='a,"\\'))
def test_a_list_is_read_or_refused_and_never_loses_a_character_unnoticed(text: str) -> None:
    try:
        found = values(text)
    except Invalid:
        return
    assert values(quoted(found)) == found


NAMES = st.sampled_from([
    "limit", "marker", "sort", "sort_key", "sort_dir", "member_status", "visibility", "os_hidden", "protected",
    "tag", "name", "id", "status", "size", "size_min", "min_ram_max", "created_at", "updated_at", "colour",
    "colour_min", "changes-since", "owner",
])  # fmt: skip
VALUES = st.one_of(
    st.text(),
    st.sampled_from(["", "1", "-1", "true", "all", "asc", "name", "name:asc,id", "in:a,b", 'in:"', "eq:x"]),
    st.builds("{}:{}".format, st.sampled_from(filters.OPERATORS), st.datetimes().map(datetime.isoformat)),
)


@given(st.lists(st.tuples(st.one_of(NAMES, st.text()), VALUES)))
def test_every_query_is_understood_or_refused_and_its_link_asks_the_same(
    pairs: list[tuple[str, str]],
) -> None:
    try:
        kept = parameters(links(pairs, None)["first"].partition("?")[2].encode())
        found = query(kept, default_limit=25, longest=1000)
    except (Invalid, UnicodeEncodeError):
        return
    assert kept == [pair for pair in pairs if pair[0] != "marker"]
    again = parameters(links(kept, None)["first"].partition("?")[2].encode())
    assert query(again, default_limit=25, longest=1000) == found


@given(st.binary())
def test_any_bytes_are_understood_or_refused(text: bytes) -> None:
    with contextlib.suppress(Invalid):
        query(parameters(text), default_limit=25, longest=1000)
