"""What is the service's own, ``os_glance*`` properties and its internal stores, through every door: nobody writes
it, an administrator neither, nobody finds images by it, and nothing names the stores.
"""

import json
from collections.abc import Iterator

import httpx
import pytest

from glimpse.testing.httpserver import HttpServer, Reply
from tests.integration.api.service import BYTES, V21, Api, auth

ADMIN, MEMBER, SERVICE = None, "ann:red:member,reader", "nova:service:service,admin"
CALLERS = (ADMIN, MEMBER, SERVICE)
NAMES = (
    "os_glance_import_task",
    "os_glance_importing_to_stores",
    "os_glance_stage_host",
    "os_glance",
    "os_glanceX",
)
STORES = ("os_glance_staging_store", "os_glance_tasks_store")
V20 = {"Content-Type": "application/openstack-images-v2.0-json-patch"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A service that offers every door."""
    options: dict[str, object] = {
        "DEFAULT.show_multiple_locations": True,
        "DEFAULT.enabled_backends": {"main": "file", "web": "http", "more": "file"},
        "import_filtering_opts.allowed_hosts": ["127.0.0.1"],
        "import_filtering_opts.allowed_ports": [],
    }
    with Api(tmp_path_factory.mktemp("reserved"), options) as running:
        yield running


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    """A disk on a web server."""
    with HttpServer({"/disk": Reply(bytes(1 << 16), ranges=True)}) as server:
        yield server.url("/disk")


@pytest.fixture
def image(service: Api) -> str:
    """An active image of red's in one store."""
    made = service.create(MEMBER)
    assert service.http.put(f"/v2/images/{made}/file", content=b"x", headers=BYTES).status_code == 204
    return made


def properties(service: Api, image: str) -> set[str]:
    return {name for name in service.show(image) if name.startswith("os_glance")}


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("name", NAMES)
def test_no_property_is_made_changed_or_removed(
    service: Api, caller: str | None, name: str, image: str
) -> None:
    http, headers = service.http, auth(caller)
    assert http.post("/v2/images", json={name: "x"}, headers=headers).status_code == 403
    for patch, form in (
        ([{"op": "add", "path": f"/{name}", "value": "x"}], V21),
        ([{"op": "replace", "path": f"/{name}", "value": "x"}], V21),
        ([{"op": "remove", "path": f"/{name}"}], V21),
        (
            [{"op": "add", "path": "/note", "value": "y"}, {"op": "add", "path": f"/{name}", "value": "x"}],
            V21,
        ),
        ([{"add": f"/{name}", "value": "x"}], V20),
    ):
        answer = http.patch(f"/v2/images/{image}", content=json.dumps(patch), headers={**headers, **form})
        assert answer.status_code == 403, (patch, answer.text)
    shown = service.show(image)
    assert "note" not in shown
    assert not properties(service, image)


@pytest.mark.parametrize("name", NAMES)
def test_headers_make_none_either(service: Api, name: str) -> None:
    headers = {f"x-image-meta-property-{name}": "x", f"X-Image-Meta-{name}": "x"}
    created = service.http.post("/v2/images", json={}, headers=headers).json()
    assert not [key for key in created if key.startswith("os_glance")]
    image = service.create()
    assert service.http.put(f"/v2/images/{image}/file", content=b"x", headers={**BYTES, **headers}).is_success
    assert not properties(service, image)


def test_a_task_makes_none(service: Api, web: str) -> None:
    described = {"name": "x", "disk_format": "raw", "container_format": "bare", NAMES[0]: "x"}
    task = {
        "type": "import",
        "input": {"import_from": web, "import_from_format": "raw", "image_properties": described},
    }
    assert service.http.post("/v2/tasks", json=task).status_code == 403


@pytest.mark.parametrize("caller", CALLERS)
def test_nobody_finds_images_by_them(service: Api, caller: str | None) -> None:
    waiting = service.create(MEMBER)
    headers = {**BYTES, **auth(MEMBER)}
    assert service.http.put(f"/v2/images/{waiting}/stage", content=b"x", headers=headers).status_code == 204
    body = {"method": {"name": "glance-direct"}, "stores": ["main"]}
    assert (
        service.http.post(f"/v2/images/{waiting}/import", json=body, headers=auth(MEMBER)).status_code == 202
    )
    shown = service.http.get(f"/v2/images/{waiting}", headers=auth(MEMBER)).json()
    state = {name: value for name, value in shown.items() if name.startswith("os_glance") and value}
    assert state, "no conductor runs: the import is under way"
    for name, value in state.items():
        found = service.http.get("/v2/images", params={name: value}, headers=auth(caller))
        assert (found.status_code, found.json()["images"]) == (200, [])


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("store", STORES)
def test_nothing_is_put_into_an_internal_store_or_taken_from_it(
    service: Api, caller: str | None, store: str, image: str, web: str
) -> None:
    http, headers = service.http, auth(caller)
    new = service.create(MEMBER)
    named = {"x-image-meta-store": store}
    put = http.put(f"/v2/images/{new}/file", content=b"x", headers={**BYTES, **headers, **named})
    assert refused(put, 400, 403)
    call, body = f"/v2/images/{new}/import", {"method": {"name": "web-download", "uri": web}}
    for stores, more in (([store], {}), (["main", store], {}), (None, named)):
        asked = {**body, "stores": stores} if stores else body
        assert refused(http.post(call, json=asked, headers={**headers, **more}), 409, 403)
    assert refused(http.delete(f"/v2/stores/{store}/{image}", headers=headers), 403, 404, 409)
    assert refused(http.get(f"/v2/images/{image}/file?prefer={store}", headers=headers), 400)
    inside = f"file://{service.settings.staging_dir}/{new}"
    add = [{"op": "add", "path": "/locations/-", "value": {"url": inside, "metadata": {"store": store}}}]
    patched = http.patch(f"/v2/images/{new}", content=json.dumps(add), headers={**headers, **V21})
    assert refused(patched, 400, 403)
    assert refused(http.post(f"/v2/images/{new}/locations", json={"url": inside}, headers=headers), 400, 403)
    assert service.show(new)["status"] == "queued"
    assert service.show(image)["stores"] == "main"


@pytest.mark.parametrize("store", STORES)
def test_a_location_is_in_the_store_that_reads_it_whatever_is_said(
    service: Api, store: str, web: str
) -> None:
    image = service.create()
    add = [{"op": "add", "path": "/locations/-", "value": {"url": web, "metadata": {"store": store}}}]
    assert service.http.patch(f"/v2/images/{image}", content=json.dumps(add), headers=V21).status_code == 200
    assert service.show(image)["locations"] == [{"url": web, "metadata": {"store": "web"}}]
    assert service.show(image)["stores"] == "web"


def refused(answer: httpx.Response, *statuses: int) -> bool:
    assert answer.status_code in statuses, answer.text
    return True


@pytest.mark.parametrize("caller", CALLERS)
def test_nothing_names_the_internal_stores_or_where_uploads_wait(
    service: Api, caller: str | None, image: str
) -> None:
    paths = [
        "/",
        "/v2/info/stores",
        "/v2/info/stores/detail",
        "/v2/info/import",
        "/v2/info/usage",
        "/v2/images",
        f"/v2/images/{image}",
        f"/v2/images/{image}/tasks",
        "/openapi.json",
        *(f"/v2/schemas/{name}" for name in ("image", "images", "member", "members", "task", "tasks")),
    ]
    answers = [service.http.get(path, headers=auth(caller)) for path in paths]
    answers.append(service.http.post("/v2/images", json={}, headers=auth(caller)))
    for answer in answers:
        said = answer.text + repr(answer.headers)
        assert not [word for word in (*STORES, str(service.settings.staging_dir)) if word in said], answer.url
    schema = service.http.get("/v2/schemas/image", headers=auth(caller)).json()
    assert not [name for name in schema["properties"] if name.startswith("os_glance")]
