"""What browsers are told: pages of named origins may call the API and read its answers, others may not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.api.service import Api

HOME, GUEST, OTHER = "https://horizon.example", "https://guest.example:8443", "https://evil.example"
CONFIGURATION = f"""
[cors]
allowed_origin = {HOME}
max_age = 60
expose_headers = X-OpenStack-Request-ID, Content-MD5
[cors.guest]
allowed_origin = {GUEST}, {HOME}
allow_credentials = false
allow_methods = GET
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    directory = tmp_path_factory.mktemp("cors")
    file = directory / "glance-api.conf"
    file.write_text(CONFIGURATION)
    with Api(directory / "data", {}, file) as running:
        yield running


def told(api: Api, path: str, origin: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str]]:
    """The status, and what the answer says to browsers."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = api.http.request(method, path, headers={"Origin": origin, **named})
    assert [value for name, value in answer.headers.multi_items() if name == "vary"] == ["Origin"]
    start = "access-control-"
    said = {
        name.removeprefix(start): value for name, value in answer.headers.items() if name.startswith(start)
    }
    return answer.status_code, said


def test_a_page_of_a_named_origin_may_read_answers_and_refusals(service: Api) -> None:
    allowed = {
        "allow-origin": HOME,
        "allow-credentials": "true",
        "expose-headers": "X-OpenStack-Request-ID,Content-MD5",
    }
    for path, status in (
        ("/v2/images", 200),
        ("/", 300),
        ("/v2/images/x", 404),
        ("/v2/nothing", 404),
        ("/healthcheck", 200),
    ):
        assert told(service, path, HOME) == (status, allowed), path
    assert told(service, "/v2/images", HOME, X_Auth_Token="bro:ken") == (401, allowed)
    assert told(service, "/v2/images", HOME, X_Big="x" * 20_000) == (431, allowed)
    assert told(service, "/v2/images", HOME, "POST") == (400, allowed)
    guest = {"allow-origin": GUEST, "expose-headers": "X-OpenStack-Request-ID,Content-MD5"}
    assert told(service, "/v2/images", GUEST) == (200, guest)


@pytest.mark.parametrize(
    "origin",
    [
        OTHER,
        "null",
        "https://horizon.example.evil.example",
        "http://horizon.example",
        HOME + "/",
        HOME.upper(),
        "*",
    ],
)
def test_a_page_from_elsewhere_is_told_nothing(service: Api, origin: str) -> None:
    assert told(service, "/v2/images", origin) == (200, {})
    assert told(service, "/v2/images", origin, "OPTIONS", Access_Control_Request_Method="GET") == (200, {})


def test_a_browser_asks_before(service: Api) -> None:
    assert told(
        service,
        "/v2/images/x/file",
        HOME,
        "OPTIONS",
        Access_Control_Request_Method="PUT",
        Access_Control_Request_Headers="x-auth-token, Content-Type",
    ) == (
        200,
        {
            "allow-origin": HOME,
            "allow-credentials": "true",
            "allow-methods": "PUT",
            "allow-headers": "x-auth-token,Content-Type",
            "max-age": "60",
        },
    )


@pytest.mark.parametrize(
    ("origin", "method", "headers"),
    [
        (HOME, "TRACE", ""),
        (HOME, "", ""),
        (HOME, "GET", "X-Unknown"),
        (HOME, "GET", "x-auth-token, x-unknown"),
        (GUEST, "PUT", ""),
    ],
)
def test_what_is_not_allowed_is_not_promised(service: Api, origin: str, method: str, headers: str) -> None:
    asked = {"Access_Control_Request_Method": method, "Access_Control_Request_Headers": headers}
    assert told(service, "/v2/images", origin, "OPTIONS", **asked) == (200, {})


def test_caches_know_that_answers_differ_also_without_an_origin(service: Api) -> None:
    assert service.http.get("/v2/images").headers["vary"] == "Origin"


def test_everybody_gets_no_credentials(tmp_path: Path) -> None:
    with Api(tmp_path, {"cors.allowed_origin": ["*"], "cors.one.allowed_origin": [HOME]}) as service:
        assert told(service, "/v2/images", OTHER)[1]["allow-origin"] == "*"
        assert "allow-credentials" not in told(service, "/v2/images", OTHER)[1]
        assert told(service, "/v2/images", HOME)[1]["allow-origin"] == HOME


def test_nothing_is_said_where_nothing_is_configured(api: Api) -> None:
    answer = api.http.get("/v2/images", headers={"Origin": HOME})
    assert not [name for name in answer.headers if name == "vary" or name.startswith("access-control")]
