"""What is checked before what: each request here is wrong in two ways or more, and one decides the answer."""

import uuid
from pathlib import Path

import pytest

from tests.integration.api.conftest import Start
from tests.integration.api.service import Api, auth

ALICE = "alice:blue:member"
BOB = "bob:red:member"
READER = "rob:blue:reader"
DATA = b"data" * 1000
DIRECT: dict[str, object] = {"method": {"name": "glance-direct"}}
# Nothing is listening there, and no filter lets it pass.
WEB: dict[str, object] = {"method": {"name": "web-download", "uri": "ftp://127.0.0.1/disk"}}
BOTH: dict[str, object] = {"all_stores": True, "stores": ["main"]}
STAGING = "os_glance_staging_store"


@pytest.mark.parametrize(
    ("token", "body", "status"),
    [
        (None, {"direct_url": "x", "min_ram": -1}, 403),
        (None, {"stores": "x", "name": 5}, 403),
        (None, {"size": "x"}, 400),
        (None, {"size": 5}, 403),
        (None, {"size": 5, "name": 5}, 400),
        (None, {"os_glance_x": "x", "min_ram": -1}, 400),
        (None, {"os_glance_x": 5}, 400),
        (None, {"deleted": True}, 400),
        (None, {"deleted": "x"}, 403),
        (None, {"location": "x", "k" * 256: "x"}, 400),
        (READER, {"os_glance_x": "x"}, 403),
        (READER, {"min_ram": -1}, 400),
        (ALICE, {"owner": "red", "tags": ["tag"] * 200}, 403),
        (ALICE, {"visibility": "public", "tags": [str(number) for number in range(200)]}, 403),
        (ALICE, {"tags": [str(number) for number in range(200)]}, 413),
        (ALICE, {str(number): "x" for number in range(200)}, 413),
    ],
)
def test_create(api: Api, token: str | None, body: dict[str, object], status: int) -> None:
    # That the id is taken is what is found out last.
    taken = api.create()
    answer = api.http.post("/v2/images", json={"id": taken, **body}, headers=auth(token))
    assert answer.status_code == status, answer.text
    assert api.http.post("/v2/images", json={"id": taken}).status_code == 409


def test_import(api: Api) -> None:
    queued, formless = api.create(), api.http.post("/v2/images", json={}).json()["id"]
    active, staged = api.active(DATA), api.http.post("/v2/images", json={}).json()["id"]
    assert api.put(staged, DATA, "stage").status_code == 204
    public = api.create(ALICE, visibility="community")
    nowhere = str(uuid.uuid4())
    other = {"X-Image-Meta-Store": STAGING}
    table: list[tuple[str, dict[str, object], dict[str, str], int]] = [
        # The form of the request, before the image is looked for; but not that of the stores.
        (nowhere, {**DIRECT, "all_stores": "yes"}, {}, 400),
        (nowhere, {**DIRECT, "stores": "main"}, {}, 404),
        (nowhere, {**DIRECT, "stores": ["main", "main"]}, {}, 404),
        (api.create(ALICE), {**DIRECT, "stores": []}, auth(BOB), 404),
        # The image's status and formats, before the caller's rights.
        (active, {**WEB, **BOTH}, {}, 409),
        (active, {**WEB, "stores": []}, {}, 409),
        (staged, {**WEB, **BOTH}, {}, 409),
        (staged, {**DIRECT, **BOTH}, {}, 409),
        (queued, {**DIRECT, **BOTH}, {}, 409),
        (formless, {**WEB, **BOTH}, {}, 409),
        (public, DIRECT, auth(BOB), 409),
        # Those, before the stores.
        (public, {**WEB, **BOTH}, auth(BOB), 403),
        # The stores, before what is the method's.
        (queued, {**WEB, "all_stores": True, "stores": ["nowhere"]}, {}, 400),
        (queued, {**WEB, "all_stores": True}, other, 400),
        (queued, {**WEB, "stores": ["nowhere"]}, other, 400),
        (queued, {**WEB, "stores": "main"}, {}, 400),
        (queued, {**WEB, "stores": ["nowhere"]}, {}, 409),
        (queued, {**WEB, "stores": [STAGING]}, {}, 409),
        (queued, WEB, other, 409),
        (queued, WEB, {}, 400),
    ]
    for image_id, body, headers, status in table:
        answer = api.http.post(f"/v2/images/{image_id}/import", json=body, headers=headers)
        assert answer.status_code == status, (body, headers, answer.text)
    assert api.show(queued)["status"] == "queued"


def test_internal_stores_are_neither_shown_nor_taken(api: Api) -> None:
    image_id = api.create()
    assert api.put(image_id, DATA, x_image_meta_store=STAGING).status_code == 400
    assert api.put(image_id, DATA).status_code == 204
    created = api.http.post("/v2/images", json={})
    assert created.headers["openstack-image-store-ids"] == "main,mirror"
    assert api.http.delete(f"/v2/stores/{STAGING}/{image_id}").status_code == 409


def test_one_store_in_the_older_way(start: Start, tmp_path: Path) -> None:
    configuration = tmp_path / "glance-api.conf"
    configuration.write_text(f"[glance_store]\nstores = file\nfilesystem_store_datadir = {tmp_path}/images\n")
    service = start(configuration=configuration)
    assert "openstack-image-store-ids" not in service.http.post("/v2/images", json={}).headers
    # That there is nothing to see comes before who may see it.
    assert service.http.get("/v2/info/stores/detail", headers=auth(ALICE)).status_code == 404
    image_id = service.create()
    named = {"x_image_meta_store": "nowhere"}
    assert service.put(image_id, DATA, "stage", **named).status_code == 204
    path, header = f"/v2/images/{image_id}/import", {"X-Image-Meta-Store": "nowhere"}
    partly = {**DIRECT, "all_stores_must_succeed": False}
    assert service.http.post(path, json=partly, headers=header).status_code == 400
    body = {**DIRECT, "stores": "nowhere", "all_stores": True}
    assert service.http.post(path, json=body, headers=header).status_code == 202
    assert service.put(service.create(), DATA, **named).status_code == 204
