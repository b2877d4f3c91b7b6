"""Request ids: in each answer, and in each line of the log with the one that the client gave."""

import json
import re
from collections.abc import Iterator

import pytest

from tests.integration.api.service import BYTES, Api
from tests.integration.edge.wire import wire

NAME = "x-openstack-request-id"
OURS = r"req-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
GIVEN = "req-00000000-1111-4222-8333-444444444444"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with Api(tmp_path_factory.mktemp("ids"), {"DEFAULT.use_json": True}) as running:
        yield running


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 300),
        ("GET", "/versions", 200),
        ("GET", "/healthcheck", 200),
        ("OPTIONS", "/v2/images", 200),
        ("GET", "/v2/images", 200),
        ("GET", "/v2/nothing", 404),
        ("GET", "/v2/%ff", 400),
        ("DELETE", "/v2/images", 405),
        ("FOO", "/v2/nothing", 501),
    ],
)
def test_every_answer_has_one(service: Api, method: str, path: str, status: int) -> None:
    answer = service.http.request(method, path)
    assert answer.status_code == status
    assert len(answer.headers.get_list(NAME)) == 1
    assert re.fullmatch(OURS, answer.headers[NAME])


def test_refusals_before_anybody_is_known_have_one(service: Api) -> None:
    for headers, status in (
        ({"X-Auth-Token": "bro:ken"}, 401),
        ({NAME: "x" * 65}, 431),
        ({"X": "x" * 20_000}, 431),
    ):
        answer = service.http.get("/v2/images", headers=headers)
        assert answer.status_code == status
        assert re.fullmatch(OURS, answer.headers[NAME])


@pytest.mark.parametrize(
    "given",
    ["req-a b", "req-<script>", "req-\u00e4".encode("latin-1"), "a,b", "req-x\ty", 'req-"x"', "req-%0a"],
)
def test_what_is_no_id_is_not_taken_over(service: Api, given: str | bytes) -> None:
    with wire(service.port) as client:
        word = given.encode() if isinstance(given, str) else given
        client.say(b"GET /v2/images HTTP/1.1\r\nHost: x\r\n", f"{NAME}: ".encode(), word, b"\r\n\r\n")
        head = client.head()
        assert head.startswith(b"HTTP/1.1 200")
        assert re.search(f"{NAME}: {OURS}\r".encode(), head + b"\r")


def test_the_log_names_ours_and_the_clients(service: Api) -> None:
    image = service.active(bytes(100))
    for file in (service.data / "stores").rglob(f"*{image}*"):
        file.unlink()
    plain = service.http.get(f"/v2/images/{image}/file")
    given = service.http.get(f"/v2/images/{image}/file", headers={NAME: GIVEN})
    assert (plain.status_code, given.status_code, given.headers[NAME]) == (503, 503, GIVEN)
    lines = [json.loads(line) for line in service.log.read_text().splitlines()]
    of_one = [line for line in lines if line.get("request") == plain.headers[NAME]]
    of_other = [line for line in lines if re.fullmatch(f"{OURS} {GIVEN}", line.get("request", ""))]
    for found in (of_one, of_other):
        names = {line["name"] for line in found}
        assert names == {"glimpse.api.download", "glimpse.api.gateway"}, "from a thread and from the loop"
    assert of_one[0]["request"] not in of_other[0]["request"]


def test_one_request_is_not_taken_for_another_on_the_same_connection(service: Api) -> None:
    ids = [service.http.get("/v2/images").headers[NAME] for _ in range(20)]
    assert len(set(ids)) == 20
    image = service.create()
    assert service.http.put(f"/v2/images/{image}/file", content=b"x", headers=BYTES).headers[NAME] not in ids
