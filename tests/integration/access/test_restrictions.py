"""What the guide to policies shows: uploads that are not for users, tasks that are for nobody, imports regardless."""

import re
from pathlib import Path

import pytest

from glimpse.testing.httpserver import HttpServer, Reply
from tests.integration.access.conftest import Start, configuration
from tests.integration.api.service import BYTES, V21, Api, auth
from tests.integration.imports.service import Service
from tests.servers.identity import Identity
from tests.servers.keystone import authtoken

GUIDE = (Path(__file__).parents[3] / "docs" / "policies.md").read_text()
RAW = {"disk_format": "raw", "container_format": "bare"}
MEMBER = "alice:blue:member"


def rules(name: str) -> list[str]:
    """The lines of the guide that define rules of this name."""
    return re.findall(rf'^    ("{name}": .*)$', GUIDE, re.MULTILINE)


def uploaded(api: Api, headers: dict[str, str], by: dict[str, str] | None = None) -> int:
    """The answer to data for an image of whom ``headers`` name."""
    made = api.http.post("/v2/images", json=RAW, headers=headers)
    assert made.status_code == 201, made.text
    path = f"/v2/images/{made.json()['id']}/file"
    return api.http.put(path, content=b"data", headers={**BYTES, **(by or headers)}).status_code


@pytest.mark.parametrize(
    ("number", "allowed"),
    [(0, {"admin"}), (1, {"admin", "ann through nova"}), (2, {"ann through nova", "admin through nova"})],
    ids=["role:admin", "service_roles", "service_user_id"],
)
def test_users_must_import_where_uploads_are_for_others(
    start: Start, tmp_path: Path, identity: Identity, operator: Identity, number: int, allowed: set[str]
) -> None:
    (tmp_path / "data").mkdir()
    _, found = operator.call("GET", "/users?name=nova")
    rule = re.sub(r"[0-9a-f]{32}", found["users"][0]["id"], rules("upload_image")[number])
    lines = [rule, *rules("add_image_location"), *rules("set_image_location")]
    assert len(lines) == 3
    (tmp_path / "data" / "policy.yaml").write_text("\n".join(lines))
    options = "enabled_import_methods = glance-direct\nshow_multiple_locations = true"
    api = start("keystone", authtoken(identity.url), options)
    ann, admin = auth(identity.token("ann")), auth(identity.token("admin"))
    through = {"X-Service-Token": identity.token("nova")}
    found = {
        "ann": uploaded(api, ann),
        "admin": uploaded(api, ann, admin),
        "ann through nova": uploaded(api, ann, {**ann, **through}),
        "admin through nova": uploaded(api, ann, {**admin, **through}),
    }
    allowed = allowed | ({"admin through nova"} if "admin" in allowed else set())
    assert found == {who: 204 if who in allowed else 403 for who in found}
    image_id = api.http.post("/v2/images", json=RAW, headers=ann).json()["id"]
    somewhere = {"url": "http://127.0.0.1/", "metadata": {}}
    given = api.http.post(f"/v2/images/{image_id}/locations", json=somewhere, headers=ann)
    assert (given.status_code, "(add_image_location)" in given.text) == (403, True), given.text
    change = [{"op": "add", "path": "/locations/-", "value": somewhere}]
    added = api.http.patch(f"/v2/images/{image_id}", json=change, headers={**V21, **ann})
    assert (added.status_code, "(set_image_location)" in added.text) == (403, True), added.text
    staged = api.http.put(f"/v2/images/{image_id}/stage", content=b"data", headers={**BYTES, **ann})
    assert staged.status_code == 204
    body = {"method": {"name": "glance-direct"}}
    assert api.http.post(f"/v2/images/{image_id}/import", json=body, headers=ann).status_code == 202


def test_rules_about_tasks_are_never_in_the_way_of_an_import(tmp_path: Path) -> None:
    file = configuration(tmp_path / "data", "")
    lines = [line for name in ("get_task", "get_tasks", "add_task", "modify_task") for line in rules(name)]
    assert len(lines) == 4
    (tmp_path / "data" / "policy.yaml").write_text("\n".join(lines))
    with (
        HttpServer({"/image": Reply(b"data")}) as source,
        Service(tmp_path / "data", configuration=file) as service,
    ):
        service.conduct()
        image_id = service.create(MEMBER)
        body = {"method": {"name": "web-download", "uri": source.url("/image")}}
        path = f"/v2/images/{image_id}"
        assert service.http.post(f"{path}/import", json=body, headers=auth(MEMBER)).status_code == 202
        record = service.ended(image_id)
        assert record["status"] == "success"
        assert service.http.get(f"{path}/import", headers=auth(MEMBER)).json()["id"] == record["id"]
        (task,) = service.http.get(f"{path}/tasks", headers=auth(MEMBER)).json()["tasks"]
        assert (task["id"], task["status"]) == (record["id"], "success")
        # An administrator, who may use the Tasks API but for these rules.
        assert service.http.get("/v2/tasks").status_code == 403
        assert service.http.get(f"/v2/tasks/{record['id']}").status_code == 403
        given = {"import_from": source.url("/image"), "import_from_format": "raw", "image_properties": {}}
        assert service.http.post("/v2/tasks", json={"type": "import", "input": given}).status_code == 403
