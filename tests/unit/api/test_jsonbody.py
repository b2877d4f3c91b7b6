"""JSON bodies."""

import pytest

from glimpse.api.jsonbody import dumps, parse, parse_object
from glimpse.errors import Invalid


def test_text_is_written_as_it_is_with_pythons_separators() -> None:
    assert dumps({"a": ["ü", None], "b": 1}) == '{"a": ["ü", null], "b": 1}'.encode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"NaN",
        b'{"a": Infinity}',
        b"[" * 100_000,
        b'{"a": ' + b"9" * 10_000 + b"}",
        b"{}x",
    ],
)
def test_what_is_no_json(body: bytes) -> None:
    with pytest.raises(Invalid):
        parse(body)


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"5", b"null"])
def test_what_is_no_object(body: bytes) -> None:
    with pytest.raises(Invalid):
        parse_object(body)
