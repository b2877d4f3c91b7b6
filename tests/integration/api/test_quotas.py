"""The configuration's own limits, over HTTP and on every database: many at once get no further than one by one."""

import gzip
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from glimpse.testing.httpserver import HttpServer, Reply
from tests.integration.api.service import BYTES, V21, Upload, auth, served
from tests.integration.imports.service import Service
from tests.servers.databases import Databases

MANY = 16
MIB = 1 << 20
FEW = 5
DATA = os.urandom(MIB)
OPTIONS: Mapping[str, object] = {
    "DEFAULT.workers": 2,
    "DEFAULT.user_storage_quota": 3 * MIB,
    "DEFAULT.image_size_cap": 2 * MIB,
    "DEFAULT.image_property_quota": FEW,
    "DEFAULT.image_tag_quota": FEW,
    "DEFAULT.image_member_quota": FEW,
    "DEFAULT.image_location_quota": FEW,
    "DEFAULT.show_multiple_locations": True,
    "DEFAULT.enabled_backends": {"main": "file", "mirror": "file", "web": "http"},
}
# What has nothing to do with the kind of database.
ONE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


@pytest.fixture(scope="module")
def service(backend: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with served(Service, backend, tmp_path_factory.mktemp("quotas"), OPTIONS) as running:
        running.conduct()
        yield running


@pytest.fixture
def token(request: pytest.FixtureRequest) -> str:
    """A member of a project that is used by one test only."""
    return f"ann:{request.node.name}:member"


def at_once(work: Callable[[int], httpx.Response], status: int) -> list[int]:
    """Which of many requests at the same moment succeed; all others are refused for the limit's sake."""
    with ThreadPoolExecutor(MANY) as pool:
        answers = list(pool.map(work, range(MANY)))
    assert {each.status_code for each in answers} <= {status, 413}, {each.text for each in answers}
    return [number for number, each in enumerate(answers) if each.status_code == status]


def patch(service: Service, image_id: str, name: str, value: object) -> httpx.Response:
    change = [{"op": "add", "path": f"/{name}", "value": value}]
    return service.http.patch(f"/v2/images/{image_id}", json=change, headers=V21)


def test_properties(service: Service) -> None:
    image_id = service.create(common="x")
    done = at_once(lambda n: patch(service, image_id, f"p{n}", "x"), 200)
    assert len(done) == FEW - 1
    shown = service.show(image_id)
    assert sorted(name for name in shown if name[0] == "p" and name[1:].isdigit()) == sorted(
        f"p{n}" for n in done
    )
    assert patch(service, image_id, "common", "y").status_code == 200, "not one more"
    assert patch(service, image_id, "more", "y").status_code == 413


def test_tags(service: Service) -> None:
    image_id = service.create()
    done = at_once(lambda n: service.http.put(f"/v2/images/{image_id}/tags/t{n}"), 204)
    assert len(done) == FEW
    assert service.show(image_id)["tags"] == sorted(f"t{n}" for n in done)


def test_members(service: Service) -> None:
    path = f"/v2/images/{service.create(visibility='shared')}/members"
    done = at_once(lambda n: service.http.post(path, json={"member": f"m{n}"}), 200)
    assert len(done) == FEW
    assert {each["member_id"] for each in service.http.get(path).json()["members"]} == {f"m{n}" for n in done}


def test_locations(service: Service) -> None:
    data = os.urandom(1000)
    with HttpServer({f"/{n}": Reply(data, ranges=True) for n in range(MANY)}) as server:
        image_id = service.create()
        done = at_once(
            lambda n: patch(service, image_id, "locations/-", {"url": server.url(f"/{n}"), "metadata": {}}),
            200,
        )
    assert len(done) == FEW
    shown = service.show(image_id)["locations"]
    assert isinstance(shown, list)
    assert len(shown) == FEW


def test_locations_count_against_what_a_project_may_store(service: Service, token: str) -> None:
    replies = {f"/{n}": Reply(DATA, ranges=True) for n in range(MANY)}
    with HttpServer(replies) as server:
        ids = [service.create(token) for _ in range(MANY)]
        done = at_once(
            lambda n: patch(service, ids[n], "locations/-", {"url": server.url(f"/{n}"), "metadata": {}}),
            200,
        )
        assert len(done) == 3
        left = next(ids[n] for n in range(MANY) if n not in done)
        assert service.show(left)["status"] == "queued"
        asked = service.http.post(
            f"/v2/images/{left}/locations",
            json={"url": server.url("/0")},
            headers=auth("svc:x:admin,service"),
        )
        assert asked.status_code == 202, asked.text
        assert "user_storage_quota" in str(service.ended(left))
        assert service.show(left)["status"] == "queued"


@pytest.mark.parametrize("known", [True, False])
def test_bytes_of_a_project(service: Service, token: str, known: bool) -> None:
    ids = [service.create(token) for _ in range(MANY)]

    def put(n: int) -> httpx.Response:
        content = DATA if known else iter([DATA])
        headers = {**BYTES, **auth(token)}
        return service.http.put(f"/v2/images/{ids[n]}/file", content=content, headers=headers)

    done = at_once(put, 204)
    assert len(done) == 3
    refused = next(n for n in range(MANY) if n not in done)
    again = put(refused)
    assert (again.status_code, "user_storage_quota" in again.text) == (413, True)
    assert service.http.delete(f"/v2/images/{ids[done[0]]}").status_code == 204
    assert put(refused).status_code == 204
    service.wait_queued(next(ids[n] for n in range(MANY) if n not in (*done, refused)))


def test_imports_and_uploads_together(service: Service, token: str) -> None:
    """Staging is free; what is delivered is not, once for each store."""
    staged = [service.create(token) for _ in range(4)]
    for image_id in staged:
        assert service.put(image_id, gzip.compress(DATA, 0), "stage").status_code == 204
        assert service.begin(image_id) == 202
    uploaded = [service.create(token) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda image_id: service.put(image_id, DATA).status_code, uploaded))
    ended = [service.ended(image_id)["status"] for image_id in staged]
    assert answers.count(204) + ended.count("success") == 3
    assert set(answers) <= {204, 413}
    for image_id in [*staged, *uploaded]:
        assert service.http.delete(f"/v2/images/{image_id}").status_code == 204
    image_id = service.create(token)
    assert service.put(image_id, bytes(2 * MIB), "stage").status_code == 204
    assert service.begin(image_id, all_stores=True) == 202
    assert "user_storage_quota" in str(service.ended(image_id))


@ONE
@pytest.mark.parametrize("kind", ["file", "stage"])
@pytest.mark.parametrize("known", [True, False])
def test_bytes_of_an_image_that_is_uploaded(service: Service, token: str, kind: str, known: bool) -> None:
    image_id = service.create(token)
    headers = {"Content_Length": str(2 * MIB + 1)} if known else {"Transfer_Encoding": "chunked"}
    upload = Upload(service, image_id, kind, **headers)
    if not known:
        upload.send_chunk(bytes(2 * MIB))
        upload.send_chunk(b"x")
    assert upload.status() == 413
    upload.close()
    service.wait_queued(image_id)
    assert service.put(image_id, bytes(2 * MIB), kind).status_code == 204


@ONE
@pytest.mark.parametrize(
    "reply",
    [
        Reply(bytes(2 * MIB + 1)),
        Reply(bytes(2 * MIB + 1), chunk=1 << 16),
        Reply(gzip.compress(bytes(2 * MIB + 1))),
    ],
    ids=["announced", "chunked", "packed"],
)
def test_bytes_of_an_image_that_is_downloaded(service: Service, token: str, reply: Reply) -> None:
    image_id = service.create(token)
    with HttpServer({"/disk": reply}) as server:
        assert service.begin(image_id, "web-download", uri=server.url("/disk")) == 202
        record = service.ended(image_id)
    assert (record["status"], record["error"]["code"]) == ("failure", "too-large")
    service.wait_queued(image_id)


@ONE
def test_negative_quotas_are_none(backend: Databases, tmp_path_factory: pytest.TempPathFactory) -> None:
    options = {f"DEFAULT.image_{name}_quota": -1 for name in ("property", "tag", "member", "location")} | {
        "DEFAULT.user_storage_quota": 0
    }
    with served(Service, backend, tmp_path_factory.mktemp("unlimited"), options) as unlimited:
        names = [f"n{n}" for n in range(140)]
        image_id = unlimited.create(tags=names, visibility="shared", **dict.fromkeys(names, "x"))
        for name in names[:5]:
            member = {"member": name}
            path = f"/v2/images/{image_id}/members"
            assert unlimited.http.post(path, json=member).status_code == 200
        assert patch(unlimited, image_id, "one_more", "x").status_code == 200
        assert unlimited.http.put(f"/v2/images/{image_id}/tags/one_more").status_code == 204
        assert unlimited.http.get("/v2/info/usage").json() == {"usage": {}}
