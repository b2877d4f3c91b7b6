import pytest

from glimpse.errors import Invalid
from glimpse.imports.request import parse

METHODS = ("glance-direct", "web-download")


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "glance-direct",
        {},
        {"method": "glance-direct"},
        {"method": []},
        {"method": {}},
        {"method": {"name": 7}},
        {"method": {"name": None}},
        {"method": {"name": "copy-image"}},
        {"method": {"name": "glance-direct"}, "all_stores": "yes"},
        {"method": {"name": "glance-direct"}, "all_stores": None},
        {"method": {"name": "glance-direct"}, "all_stores_must_succeed": 1},
    ],
)
def test_a_malformed_request_is_refused(body: object) -> None:
    with pytest.raises(Invalid):
        parse(body, METHODS)


def test_defaults_are_those_of_the_api() -> None:
    request = parse({"method": {"name": "glance-direct"}}, METHODS)
    assert (request.stores, request.all_stores, request.all_stores_must_succeed) == (None, False, True)
    assert request.uri is None


def test_everything_that_is_asked_for_is_kept() -> None:
    body = {
        "method": {"name": "web-download", "uri": "http://a/b"},
        "stores": ["main", "mirror"],
        "all_stores_must_succeed": False,
        "unknown": 1,
    }
    request = parse(body, METHODS)
    assert request.method == "web-download"
    assert request.uri == "http://a/b"
    assert request.stores == ["main", "mirror"]
    assert not request.all_stores_must_succeed
    assert request.body == body


def test_an_unknown_method_names_those_that_are_enabled() -> None:
    with pytest.raises(Invalid) as caught:
        parse({"method": {"name": "fetch"}}, METHODS)
    assert "fetch" in caught.value.message
    assert "glance-direct, web-download" in caught.value.hint
