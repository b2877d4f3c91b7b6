"""Both JSON-patch media types."""

import pytest

from glimpse.api.errors import HttpError
from glimpse.api.jsonpatch import ACCEPT_PATCH, V20, V21, Change, parse_v20, parse_v21, parser
from glimpse.errors import Invalid


def test_the_media_type_chooses_the_form_and_its_parameters_do_not_matter() -> None:
    assert parser(V21) is parse_v21
    assert parser(V20.upper() + "; charset=utf-8") is parse_v20


@pytest.mark.parametrize("media", [None, "", "application/json", "application/json-patch+json"])
def test_other_media_types_are_refused_and_ours_are_named(media: str | None) -> None:
    with pytest.raises(HttpError) as refused:
        parser(media)
    assert refused.value.status == 415
    assert refused.value.headers == {"Accept-Patch": ACCEPT_PATCH}


def test_changes_of_version_2_1() -> None:
    body = [
        {"op": "add", "path": "/a~1b~0c", "value": "x"},
        {"op": "replace", "path": "/name", "value": None},
        {"op": "remove", "path": "/a"},
        {"op": "add", "path": "/locations/-", "value": {}},
        {"op": "remove", "path": "/locations/0"},
        {"op": "replace", "path": "/locations", "value": []},
    ]
    assert parse_v21(body) == [
        Change("add", ("a/b~c",), "x"),
        Change("replace", ("name",), None),
        Change("remove", ("a",)),
        Change("add", ("locations", "-"), {}),
        Change("remove", ("locations", "0")),
        Change("replace", ("locations",), []),
    ]


def test_changes_of_version_2_0_are_strict() -> None:
    assert parse_v20([{"add": "/a", "value": 1}, {"remove": "/b"}]) == [
        Change("add", ("a",), 1, strict=True),
        Change("remove", ("b",), strict=True),
    ]


def test_an_empty_list_changes_nothing() -> None:
    assert parse_v21([]) == []
    assert parse_v20([]) == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        "text",
        None,
        ["x"],
        [[]],
        [{}],
        [{"path": "/a", "value": 1}],
        [{"op": "move", "path": "/a", "value": 1}],
        [{"op": ["add"], "path": "/a", "value": 1}],
        [{"op": "add", "value": 1}],
        [{"op": "add", "path": "/a"}],
        [{"op": "replace", "path": "/a"}],
        [{"op": "add", "path": 7, "value": 1}],
        [{"op": "add", "path": "", "value": 1}],
        [{"op": "add", "path": "a", "value": 1}],
        [{"op": "add", "path": "/", "value": 1}],
        [{"op": "add", "path": "/a/", "value": 1}],
        [{"op": "add", "path": "//a", "value": 1}],
        [{"op": "add", "path": "/a//b", "value": 1}],
        [{"op": "add", "path": "/a~", "value": 1}],
        [{"op": "add", "path": "/a~2", "value": 1}],
        [{"op": "add", "path": "/~~0", "value": 1}],
        [{"op": "add", "path": "/a/b", "value": 1}],
        [{"op": "add", "path": "/tags/-", "value": "x"}],
        [{"op": "add", "path": "/locations", "value": []}],
        [{"op": "replace", "path": "/locations/0", "value": {}}],
        [{"op": "remove", "path": "/locations"}],
    ],
)
def test_malformed_changes_of_version_2_1(body: object) -> None:
    with pytest.raises(Invalid):
        parse_v21(body)


@pytest.mark.parametrize(
    "body",
    [
        {"add": "/a", "value": 1},
        [{"value": 1}],
        [{"add": "/a", "replace": "/a", "value": 1}],
        [{"add": "/a"}],
        [{"op": "add", "path": "/a", "value": 1}],
    ],
)
def test_malformed_changes_of_version_2_0(body: object) -> None:
    with pytest.raises(Invalid):
        parse_v20(body)
