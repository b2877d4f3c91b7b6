"""Queries of listings, and links."""

import pytest

from glimpse.api.paging import links, parameters, query
from glimpse.catalog.records import Comparison, ImageQuery
from glimpse.errors import Invalid


def parsed(text: str) -> ImageQuery:
    return query(parameters(text.encode()), default_limit=25, longest=1000)


def test_nothing_asked_for() -> None:
    assert parsed("") == ImageQuery(limit=25)


def test_everything_asked_for() -> None:
    found = parsed(
        "limit=3&marker=m&sort=name:asc,size&tag=a&tag=b&visibility=all&os_hidden=True&member_status=all"
        "&name=x&status=eq:active&id=in:1,2&owner=me&protected=true&min_ram=5&colour=blue%20green&name="
    )
    assert (found.limit, found.marker, found.tags) == (3, "m", ("a", "b"))
    assert found.sort == (("name", "asc"), ("size", "desc"))
    assert (found.visibility, found.os_hidden, found.member_status) == ("all", True, "all")
    assert found.comparisons == (Comparison("id", "in", ("1", "2")),)
    assert found.filters == {
        "name": "",
        "status": "active",
        "owner": "me",
        "protected": True,
        "min_ram": 5,
        "colour": "blue green",
    }


def test_the_limit_is_capped_silently() -> None:
    assert parsed("limit=5000").limit == 1000
    assert parsed("limit=0").limit == 0


def test_sort_keys_with_one_or_many_directions() -> None:
    assert parsed("sort_key=name&sort_key=id").sort == (("name", "desc"), ("id", "desc"))
    assert parsed("sort_key=name&sort_key=id&sort_dir=asc").sort == (("name", "asc"), ("id", "asc"))
    assert parsed("sort_key=name&sort_key=id&sort_dir=asc&sort_dir=desc").sort == (
        ("name", "asc"),
        ("id", "desc"),
    )
    assert parsed("sort_dir=asc").sort == (("created_at", "asc"),)


@pytest.mark.parametrize(
    "text",
    [
        "limit=-1", "limit=x", "limit=", "limit=1.5", "limit=%D9%A1", "limit=" + "9" * 30,
        "sort=colour", "sort=name:up", "sort=", "sort=name&sort_key=name", "sort=name&sort_dir=asc",
        "sort_key=colour", "sort_key=name&sort_dir=up", "sort_key=name&sort_dir=asc&sort_dir=asc",
        "member_status=maybe", "visibility=secret", "os_hidden=1", "os_hidden=", "protected=True",
        "changes-since=2020-01-01", "size=x", "status=gt:a", "name=%ff", "name=%00", "a=%F0%9F%90%A7",
        "&".join(f"a{number}=1" for number in range(300)),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parsed(text)


def test_links_keep_repeated_parameters_and_replace_the_marker() -> None:
    pairs = parameters(b"tag=a&tag=b%26c&limit=2&marker=old")
    assert links(pairs, "new") == {
        "first": "/v2/images?tag=a&tag=b%26c&limit=2",
        "next": "/v2/images?tag=a&tag=b%26c&limit=2&marker=new",
    }
    assert links([], None) == {"first": "/v2/images"}
