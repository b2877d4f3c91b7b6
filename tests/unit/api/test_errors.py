"""Errors as clients see them."""

import json

import pytest

from glimpse import errors as kinds
from glimpse.access.caller import Unauthenticated
from glimpse.api.errors import HttpError, headers_of, preferred, render, status_of, text_of


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (Unauthenticated, 401),
        (kinds.Invalid, 400),
        (kinds.Forbidden, 403),
        (kinds.NotFound, 404),
        (kinds.Conflict, 409),
        (kinds.ClaimLost, 409),
        (kinds.Gone, 410),
        (kinds.TooLarge, 413),
        (kinds.NoSpace, 413),
        (kinds.UnsafeImage, 415),
        (kinds.Unavailable, 503),
        (kinds.GlimpseError, 500),
    ],
)
def test_each_kind_has_its_status_and_so_have_its_subclasses(
    kind: type[kinds.GlimpseError], status: int
) -> None:
    narrowed = type("Narrowed", (kind,), {})
    assert status_of(kind("x")) == status
    assert status_of(narrowed("x")) == status


def test_http_errors_have_a_status_of_their_own() -> None:
    assert status_of(HttpError(431, "x")) == 431


def test_what_is_not_available_now_may_be_asked_for_again() -> None:
    assert headers_of(kinds.Unavailable("x")) == {"retry-after": "5"}
    assert headers_of(kinds.Cancelled("x")) == {"retry-after": "5"}
    assert headers_of(kinds.Conflict("x")) == {}
    assert headers_of(HttpError(415, "x", headers={"Accept-Patch": "y"})) == {"Accept-Patch": "y"}


def test_the_hint_follows_the_message() -> None:
    assert text_of(kinds.Invalid("It is wrong.", hint="Do this.")) == "It is wrong. Do this."


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (None, "text"),
        ("", "text"),
        ("*/*", "html"),
        ("application/json", "json"),
        ("application/*", "json"),
        ("image/png", "text"),
        ("text/plain", "text"),
        ("text/*", "text"),
        ("text/html", "html"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "html"),
        ("application/json;q=0.5, text/plain;q=0.9", "text"),
        ("text/html;q=0", "text"),
        ("text/html;q=x", "text"),
    ],
)
def test_the_client_chooses_by_its_accept_header(accept: str | None, kind: str) -> None:
    assert preferred(accept) == kind


def test_json_has_the_keys_that_clients_know() -> None:
    body, media = render(404, "No image ü", "application/json")
    assert media == "application/json"
    assert json.loads(body) == {"message": "No image ü", "code": "404 Not Found", "title": "Not Found"}
    assert "ü".encode() in body


def test_text_and_html() -> None:
    body, media = render(400, "a < b", "text/plain")
    assert (body, media) == (b"400 Bad Request\n\na < b\n\n   ", "text/plain; charset=UTF-8")
    body, media = render(400, "a < b", "text/html")
    assert media == "text/html; charset=UTF-8"
    assert b"<title>400 Bad Request</title>" in body
    assert b"a &lt; b<br />" in body
