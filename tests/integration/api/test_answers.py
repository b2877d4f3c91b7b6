"""The form of every answer that succeeds: status, head, and the order of what it says."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.integration.api.conftest import Start
from tests.integration.api.service import BYTES, V21, Api

HTML = "text/html; charset=UTF-8"
JSON = "application/json"
BASE = [
    "name",
    "disk_format",
    "container_format",
    "visibility",
    "size",
    "virtual_size",
    "status",
    "checksum",
    "protected",
    "min_ram",
    "min_disk",
    "owner",
    "os_hidden",
    "os_hash_algo",
    "os_hash_value",
    "id",
    "created_at",
    "updated_at",
    "tags",
    "self",
    "file",
    "schema",
]
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
RAW_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}")
RAW_TASK = [
    "id",
    "type",
    "status",
    "owner",
    "expires_at",
    "created_at",
    "updated_at",
    "deleted_at",
    "deleted",
    "image_id",
    "request_id",
    "user_id",
    "input",
    "result",
    "message",
]
TASK = [
    "id",
    "type",
    "status",
    "owner",
    "created_at",
    "updated_at",
    "self",
    "schema",
    "image_id",
    "request_id",
    "user_id",
]
WHOLE_TASK = [
    "id",
    "input",
    "type",
    "status",
    "owner",
    "message",
    "result",
    "created_at",
    "updated_at",
    "self",
    "schema",
    "image_id",
    "request_id",
    "user_id",
]
# In the order of a life: what is asked, the status, and the kind of body that is answered.
LIFE: tuple[tuple[str, str, dict[str, Any], int, str | None], ...] = (
    ("GET", "/file", {}, 204, None),
    ("PUT", "/file", {"content": b"data", "headers": BYTES}, 204, HTML),
    ("GET", "/file", {}, 200, "application/octet-stream"),
    ("GET", "/file", {"headers": {"Range": "bytes=1-2"}}, 206, "application/octet-stream"),
    ("GET", "", {}, 200, JSON),
    ("PATCH", "", {"json": [], "headers": V21}, 200, JSON),
    ("PUT", "/tags/t", {}, 204, HTML),
    ("DELETE", "/tags/t", {}, 204, HTML),
    ("POST", "/members", {"json": {"member": "red"}}, 200, JSON),
    ("GET", "/members", {}, 200, JSON),
    ("GET", "/members/red", {}, 200, JSON),
    ("PUT", "/members/red", {"json": {"status": "accepted"}}, 200, JSON),
    ("DELETE", "/members/red", {}, 204, None),
    ("POST", "/actions/deactivate", {}, 204, HTML),
    ("POST", "/actions/reactivate", {}, 204, HTML),
    ("GET", "/locations", {}, 200, JSON),
    ("GET", "/tasks", {}, 200, JSON),
    ("DELETE", "", {}, 204, HTML),
)


def test_a_life_in_answers(api: Api) -> None:
    path = f"/v2/images/{api.create()}"
    for method, below, more, status, kind in LIFE:
        answer = api.http.request(method, path + below, **more)
        assert (answer.status_code, answer.headers.get("content-type")) == (status, kind), (method, below)
        assert answer.headers["x-openstack-request-id"].startswith("req-")
        assert bool(answer.content) == (status in (200, 206))


def test_staging_and_importing(api: Api) -> None:
    path = f"/v2/images/{api.create()}"
    staged = api.http.put(f"{path}/stage", content=b"data", headers=BYTES)
    assert (staged.status_code, staged.headers["content-type"]) == (204, HTML)
    begun = api.http.post(f"{path}/import", json={"method": {"name": "glance-direct"}})
    assert (begun.status_code, begun.content) == (202, b"")
    assert (begun.headers["content-type"], begun.headers["content-length"]) == (HTML, "0")
    (raw,) = api.http.get(f"{path}/tasks").json()["tasks"]
    assert list(raw) == RAW_TASK
    assert RAW_TIME.fullmatch(raw["created_at"])
    whole = api.http.get(f"/v2/tasks/{raw['id']}").json()
    assert list(whole) == WHOLE_TASK
    listed = api.http.get("/v2/tasks").json()
    assert list(listed)[:3] == ["tasks", "first", "schema"]
    assert list(listed["tasks"][0]) == TASK
    assert TIME.fullmatch(listed["tasks"][0]["created_at"])


def test_the_order_of_an_image(start: Start) -> None:
    service = start({"DEFAULT.show_multiple_locations": True, "DEFAULT.show_image_direct_url": True})
    service.create()
    image_id = service.active(b"data", colour="red", tags=["b", "a"])
    record = service.http.get(f"/v2/images/{image_id}")
    shown = record.json()
    places = ["locations", "direct_url"]
    assert list(shown) == ["colour", *BASE[:-4], *places, *BASE[-4:], "stores"]
    assert TIME.fullmatch(shown["created_at"])
    assert TIME.fullmatch(shown["updated_at"])
    assert '"status": "active"' in record.text, "Python's separators"
    page = service.http.get("/v2/images?limit=1").json()
    assert list(page) == ["images", "first", "schema", "next"]
    assert page["images"] == [shown]


@pytest.mark.parametrize(
    ("configured", "offered", "current", "refused"),
    [
        ("[DEFAULT]\nenabled_backends = a:file,b:file\n[glance_store]\ndefault_backend = a\n"
         "[a]\nfilesystem_store_datadir = {0}/a\n[b]\nfilesystem_store_datadir = {0}/b\n",
         "2.15 2.13 2.12 2.11 2.10 2.9 2.8 2.17", "2.17", ["v2.14", "v2.16", "v2.18"]),
        ("[glance_store]\nfilesystem_store_datadir = {0}/a\n",
         "2.15 2.9 2.17", "2.17", ["v2.8", "v2.10", "v2.13", "v2.14"]),
    ],
)  # fmt: skip
def test_the_versions_of_each_configuration(
    start: Start, tmp_path: Path, configured: str, offered: str, current: str, refused: list[str]
) -> None:
    file = tmp_path / "glance-api.conf"
    file.write_text(configured.format(tmp_path) + "[DEFAULT]\npublic_endpoint = https://images.example/\n")
    service = start(configuration=file)
    versions = service.http.get("/").json()["versions"]
    older = "2.7 2.6 2.5 2.4 2.3 2.2 2.1 2.0"
    assert [each["id"] for each in versions] == [f"v{minor}" for minor in f"{offered} {older}".split()]
    assert [each["id"] for each in versions if each["status"] == "CURRENT"] == [f"v{current}"]
    assert {each["links"][0]["href"] for each in versions} == {"https://images.example/v2/"}
    for each in versions:
        assert service.http.get(f"/{each['id']}/images").status_code == 200
        accept = {"Accept": f"application/vnd.openstack.images-{each['id']}"}
        assert service.http.get("/images", headers=accept).status_code == 200
    for prefix in refused:
        assert service.http.get(f"/{prefix}/images").status_code == 300
    single = "v2.8" in refused
    assert service.http.get("/v2/info/stores").status_code == (404 if single else 200)
    created = service.http.post("/v2/images", json={})
    assert created.headers["location"].startswith("https://images.example/v2/images/")
    assert ("openstack-image-store-ids" in created.headers) is not single
