"""What is too large for a request: each is refused with the right status, at once, and nothing breaks."""

import json

import pytest

from glimpse.config.options.default import Default
from glimpse.config.options.http import OsloMiddleware
from tests.integration.api.service import V21, Api
from tests.integration.edge.conftest import Start
from tests.integration.edge.wire import wire

BODY = OsloMiddleware().max_request_body_size
LINE = Default().max_header_line


def status(api: Api, path: str, *headers: str) -> tuple[int, bool]:
    """The status of a request, and whether its answer has an id."""
    with wire(api.port) as client:
        client.ask(f"GET {path}", *headers)
        head = client.head()
        return int(head.split()[1]), b"x-openstack-request-id: req-" in head


def test_a_header_may_be_long_but_not_too_long(api: Api) -> None:
    assert status(api, "/v2/images", f"X-Auth-Token: a:b:reader,{'r' * (LINE - 11)}") == (200, True)
    assert status(api, "/v2/images", f"X-Auth-Token: a:b:reader,{'r' * (LINE - 10)}") == (431, True)
    assert status(api, "/", f"X: {'r' * (LINE + 1)}") == (431, True)


def test_how_long_a_header_may_be_is_configured(start: Start) -> None:
    service = start({"DEFAULT.max_header_line": 2000, "oslo_middleware.max_request_body_size": 2000})
    assert service.http.get("/v2/images", headers={"X": "x" * 2000}).status_code == 200
    assert service.http.get("/v2/images", headers={"X": "x" * 2001}).status_code == 431
    assert service.http.post("/v2/images", json={"name": "x" * 200}).status_code == 201
    assert service.http.post("/v2/images", json={"a": "x" * 2000}).status_code == 413
    image = service.create()
    assert service.put(image, bytes(100_000)).status_code == 204, "an image is no such body"


def test_the_server_itself_refuses_what_is_larger_still(api: Api) -> None:
    # Before there is a request that could have an id.
    assert status(api, "/v2/images", *(f"X-{number}: y" for number in range(200))) == (431, False)
    assert status(api, "/v2/images", f"X: {'y' * (1 << 19)}") == (431, False)
    assert status(api, f"/v2/images?x={'y' * (100 << 10)}") == (414, False)
    assert status(api, f"/v2/{'y' * (100 << 10)}") == (414, False)


def test_an_address_of_60_kib_is_read(api: Api) -> None:
    assert status(api, f"/v2/images?name={'y' * (60 << 10)}") == (200, True)
    assert status(api, f"/v2/images/{'y' * (60 << 10)}") == (404, True)


@pytest.mark.parametrize(
    "word", ["tag=t{}", "p{}=x", "name=n{}", "sort_key=name&sort_dir=asc", "size_min={}"]
)
def test_thousands_of_filters_are_answered(api: Api, word: str) -> None:
    query = "&".join(word.format(number) for number in range(5000))[:64_000].rpartition("&")[0]
    found = api.http.get(f"/v2/images?{query}")
    assert found.status_code in (200, 400), found.text


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_of_json_is_bounded(api: Api, declared: bool) -> None:
    for size, wanted in ((BODY, 201), (BODY + 1, 413)):
        body = b'{"name": "x"' + b" " * (size - 13) + b"}"
        sent = body if declared else iter([body[:100], body[100:]])
        assert api.http.post("/v2/images", content=sent).status_code == wanted


def test_ten_thousand_tags_and_properties_are_over_the_quota(api: Api) -> None:
    image = api.create()
    tags = [f"t{number}" for number in range(10_000)]
    assert api.http.post("/v2/images", json={"tags": tags}).status_code == 413
    for patch in (
        [{"op": "replace", "path": "/tags", "value": tags}],
        [{"op": "add", "path": f"/{tag}", "value": "x"} for tag in tags],
    ):
        answer = api.http.patch(f"/v2/images/{image}", content=json.dumps(patch), headers=V21)
        assert answer.status_code == 413, answer.text
    assert api.show(image)["tags"] == []


def test_requests_that_two_servers_would_understand_differently(api: Api) -> None:
    for headers, wanted in (
        (["Content-Length: 2", "Content-Length: 3"], 400),
        (["Host: other"], 400),
        (["X-Auth-Token: a:b:reader", "X-Auth-Token: a:b:admin"], 400),
        (["Content-Type: application/json", "Content-Type: text/plain"], 400),
        (["X: one", "X: two"], 201),
    ):
        with wire(api.port) as client:
            client.ask("POST /v2/images", "Content-Length: 2", *headers, body=b"{}")
            assert client.status() == wanted, headers
    for said in (b"GARBAGE\r\n\r\n", b"GET /v2/images HTTP/1.1\r\nHost: x\r\n folded: y\r\n\r\n"):
        with wire(api.port) as client:
            client.say(said)
            assert client.status() == 400
