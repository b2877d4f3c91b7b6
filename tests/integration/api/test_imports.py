"""Starting imports and looking at them; no conductor runs here, so they stay pending."""

import os

from tests.integration.api.conftest import Start
from tests.integration.api.service import V21, Api, auth

DATA = os.urandom(100_000)
DIRECT = {"method": {"name": "glance-direct"}}
ALICE = "alice:blue:member"


def staged(api: Api, **body: object) -> str:
    image_id = api.create(**body)
    assert api.put(image_id, DATA, "stage").status_code == 204
    return image_id


def test_an_import_is_accepted_locked_and_shown(api: Api) -> None:
    image_id = staged(api)
    assert api.http.get(f"/v2/images/{image_id}/import").status_code == 404
    assert api.http.get(f"/v2/images/{image_id}/tasks").json() == {"tasks": []}
    answer = api.http.post(f"/v2/images/{image_id}/import", json={**DIRECT, "all_stores": True})
    assert (answer.status_code, answer.content) == (202, b"")
    shown = api.show(image_id)
    assert shown["status"] == "importing"
    assert shown["os_glance_importing_to_stores"] == "main,mirror"
    assert shown["os_glance_failed_import"] == ""
    progress = api.http.get(f"/v2/images/{image_id}/import").json()
    assert progress["id"] == shown["os_glance_import_task"]
    assert (progress["status"], progress["method"], progress["error"]) == (
        "pending",
        {"name": "glance-direct"},
        None,
    )
    assert progress["stores"] == [
        {"store": "main", "state": "pending"},
        {"store": "mirror", "state": "pending"},
    ]
    (task,) = api.http.get(f"/v2/images/{image_id}/tasks").json()["tasks"]
    assert (task["id"], task["type"], task["status"]) == (progress["id"], "api_image_import", "pending")
    assert task["request_id"] == answer.headers["x-openstack-request-id"]
    assert api.http.post(f"/v2/images/{image_id}/import", json=DIRECT).status_code == 409


def test_the_lock_cannot_be_changed_by_users(api: Api) -> None:
    image_id = staged(api)
    assert api.http.post(f"/v2/images/{image_id}/import", json=DIRECT).status_code == 202
    for change in (
        {"op": "remove", "path": "/os_glance_import_task"},
        {"op": "replace", "path": "/os_glance_importing_to_stores", "value": ""},
    ):
        assert api.http.patch(f"/v2/images/{image_id}", json=[change], headers=V21).status_code == 403


def test_a_store_by_header_or_body(api: Api) -> None:
    image_id = staged(api)
    path, header = f"/v2/images/{image_id}/import", {"X-Image-Meta-Store": "mirror"}
    assert api.http.post(path, json={**DIRECT, "stores": ["main"]}, headers=header).status_code == 400
    assert api.http.post(path, json={**DIRECT, "stores": ["nowhere"]}).status_code == 409
    assert api.http.post(path, json=DIRECT, headers=header).status_code == 202
    assert api.show(image_id)["os_glance_importing_to_stores"] == "mirror"


def test_passwords_in_addresses_are_shown_to_nobody(start: Start) -> None:
    service = start(
        {"import_filtering_opts.allowed_hosts": ["127.0.0.1"], "import_filtering_opts.allowed_ports": [80]}
    )
    image_id = service.create()
    body = {"method": {"name": "web-download", "uri": "http://user:secret@127.0.0.1/x"}}
    assert service.http.post(f"/v2/images/{image_id}/import", json=body).status_code == 202
    progress = service.http.get(f"/v2/images/{image_id}/import")
    assert progress.json()["method"] == {"name": "web-download", "uri": "http://***@127.0.0.1/x"}
    tasks = service.http.get(f"/v2/images/{image_id}/tasks")
    assert "secret" not in progress.text + tasks.text


def test_who_may_import_and_whose_tasks_are_shown(api: Api) -> None:
    image_id = api.create(ALICE, visibility="community")
    assert api.put(image_id, DATA, "stage").status_code == 204
    path = f"/v2/images/{image_id}/import"
    assert api.http.post(path, json=DIRECT, headers=auth("bob:red:member")).status_code == 403
    assert api.http.post(path, json=DIRECT, headers=auth(ALICE)).status_code == 202
    tasks = f"/v2/images/{image_id}/tasks"
    assert len(api.http.get(tasks, headers=auth(ALICE)).json()["tasks"]) == 1
    assert api.http.get(tasks, headers=auth("bob:red:member")).json()["tasks"] == []


def test_deleting_ends_an_import(api: Api) -> None:
    image_id = staged(api)
    assert api.http.post(f"/v2/images/{image_id}/import", json=DIRECT).status_code == 202
    assert api.http.delete(f"/v2/images/{image_id}").status_code == 204
    assert not [name for name in api.files() if image_id in name]
