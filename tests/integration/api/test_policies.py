"""Which rules each operation asks: every rule wants the role of its own name, and a caller has these or lacks one."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from glimpse.access.rules import RULES
from glimpse.catalog.records import NewLocation
from tests.integration.api.service import BYTES, V21, Api, auth, served
from tests.servers.databases import Databases

# Seeing images is everybody's here, so that a refusal is never for want of that.
OPEN = {"context_is_admin": "role:boss", "get_image": "", "default": ""}
NAMES = [rule.name for rule in RULES if rule.name not in OPEN]
Act = Callable[["Scene", str], int]


class Scene:
    """A service whose rules are so, and images of the project blue to try them on."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.queued = self.create()
        self.active = self.create()
        assert api.put(self.active, b"data", X_Auth_Token="root:blue:boss,upload_image").status_code == 204
        self.task = self.waiting_task()
        self.request("boss,add_member", "POST", f"images/{self.active}/members", json={"member": "red"})

    def create(self) -> str:
        body = {"disk_format": "raw", "container_format": "bare"}
        return str(self.answer("add_image", "POST", "images", json=body).json()["id"])

    def waiting_task(self) -> str:
        """A task that nobody does."""
        given = {"import_from": "http://127.0.0.1/", "import_from_format": "raw", "image_properties": {}}
        answer = self.answer(",".join(NAMES), "POST", "tasks", json={"type": "import", "input": given})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def request(self, roles: str, method: str, path: str, **more: Any) -> int:
        return int(self.answer(roles, method, path, **more).status_code)

    def answer(self, roles: str, method: str, path: str, **more: Any) -> Any:
        headers = {**auth(f"u:blue:{roles or 'nothing'}"), **more.pop("headers", {})}
        return self.api.http.request(method, f"/v2/{path}", headers=headers, **more)

    def patch(self, roles: str, image_id: str, **change: object) -> int:
        return self.request(roles, "PATCH", f"images/{image_id}", json=[change], headers=V21)

    def twofold(self) -> str:
        """An active image with two locations."""
        image_id = self.create()
        self.api.put(image_id, b"data", X_Auth_Token="root:blue:boss,upload_image")
        self.api.catalog.locations.add(image_id, NewLocation("http://elsewhere/x", None))
        self.api.catalog.locations.add(image_id, NewLocation("file:///nowhere/x", "mirror"))
        return image_id


@pytest.fixture(scope="module")
def scene(backend: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    directory = tmp_path_factory.mktemp("policies")
    policy = directory / "policy.yaml"
    policy.write_text(json.dumps({**{name: f"role:{name}" for name in NAMES}, **OPEN}))
    options = {
        "oslo_policy.policy_file": str(policy),
        "DEFAULT.show_multiple_locations": True,
        "import_filtering_opts.allowed_hosts": ["127.0.0.1"],
    }
    with served(Api, backend, directory / "data", options) as api:
        yield Scene(api)


def visibility(value: str) -> Act:
    return lambda scene, roles: scene.patch(
        roles, scene.create(), op="replace", path="/visibility", value=value
    )


def simple(method: str, path: str, **more: Any) -> Act:
    """A request whose path may name the images of the scene."""
    return lambda scene, roles: scene.request(
        roles, method, path.format(active=scene.active, queued=scene.queued, task=scene.task), **more
    )


# What it is, the rules it asks, what is answered to whoever meets them, and how to ask.
OPERATIONS: list[tuple[str, list[str], int, Act]] = [
    ("create", ["add_image"], 201, simple("POST", "images", json={})),
    ("create public", ["add_image", "publicize_image"], 201,
     simple("POST", "images", json={"visibility": "public"})),
    ("create community", ["add_image", "communitize_image"], 201,
     simple("POST", "images", json={"visibility": "community"})),
    ("list", ["get_images"], 200, simple("GET", "images")),
    ("show", [], 200, simple("GET", "images/{active}")),
    ("change", ["modify_image"], 200, lambda scene, roles: scene.patch(
        roles, scene.queued, op="add", path="/a", value="b")),
    ("publicize", ["modify_image", "publicize_image"], 200, visibility("public")),
    ("communitize", ["modify_image", "communitize_image"], 200, visibility("community")),
    ("make private", ["modify_image"], 200, visibility("private")),
    ("delete", ["delete_image"], 204, lambda scene, roles: scene.request(
        roles, "DELETE", f"images/{scene.create()}")),
    ("upload", ["upload_image"], 409, simple("PUT", "images/{active}/file", content=b"x", headers=BYTES)),
    ("download", ["download_image"], 200, simple("GET", "images/{active}/file")),
    ("prefer a store", ["download_image", "download_from_store"], 200,
     simple("GET", "images/{active}/file?prefer=main")),
    ("stage", ["modify_image"], 409, simple("PUT", "images/{active}/stage", content=b"x", headers=BYTES)),
    ("tag", ["modify_image"], 204, simple("PUT", "images/{queued}/tags/x")),
    ("untag", ["modify_image"], 404, simple("DELETE", "images/{queued}/tags/absent")),
    ("deactivate", ["deactivate"], 204,
     lambda scene, roles: scene.request(roles, "POST", f"images/{scene.twofold()}/actions/deactivate")),
    ("reactivate", ["reactivate"], 204, simple("POST", "images/{active}/actions/reactivate")),
    ("members", ["get_members"], 200, simple("GET", "images/{active}/members")),
    ("invite", ["add_member"], 409, simple("POST", "images/{active}/members", json={"member": "red"})),
    ("member", ["get_member"], 200, simple("GET", "images/{active}/members/red")),
    ("accept", ["modify_member"], 200,
     simple("PUT", "images/{active}/members/red", json={"status": "accepted"})),
    ("uninvite", ["delete_member"], 404, simple("DELETE", "images/{active}/members/absent")),
    ("locations", ["fetch_image_location"], 200, simple("GET", "images/{active}/locations")),
    ("new location", ["add_image_location", "service"], 400,
     simple("POST", "images/{queued}/locations", json={"url": "rbd://x"})),
    ("add location", ["modify_image", "set_image_location"], 400, lambda scene, roles: scene.patch(
        roles, scene.queued, op="add", path="/locations/-", value={"url": "rbd://x", "metadata": {}})),
    ("replace locations", ["modify_image", "set_image_location"], 400, lambda scene, roles: scene.patch(
        roles, scene.queued, op="replace", path="/locations", value=[{"url": "rbd://x", "metadata": {}}])),
    ("remove location", ["modify_image", "delete_image_location"], 200, lambda scene, roles: scene.patch(
        roles, scene.twofold(), op="remove", path="/locations/1")),
    ("delete from store", ["get_image_location", "delete_image_location"], 204,
     lambda scene, roles: scene.request(roles, "DELETE", f"stores/main/{scene.twofold()}")),
    ("stores in detail", ["stores_info_detail"], 200, simple("GET", "info/stores/detail")),
    ("stores", [], 200, simple("GET", "info/stores")),
    ("usage", [], 200, simple("GET", "info/usage")),
    ("schema", [], 200, simple("GET", "schemas/image")),
    ("tasks", ["tasks_api_access", "get_tasks"], 200, simple("GET", "tasks")),
    ("task", ["tasks_api_access", "get_task"], 200, simple("GET", "tasks/{task}")),
    ("new task", ["tasks_api_access", "add_task"], 400, simple("POST", "tasks", json={})),
]  # fmt: skip
# These say that there is nothing, rather than that it is not allowed.
SILENT = {"get_member": 404}


@pytest.mark.parametrize(("name", "rules", "status", "act"), OPERATIONS, ids=[each[0] for each in OPERATIONS])
def test_the_rules_of_an_operation_are_enough_and_each_is_needed(
    scene: Scene, name: str, rules: list[str], status: int, act: Act
) -> None:
    assert act(scene, ",".join(rules)) == status
    for rule in rules:
        without = [other for other in [*NAMES, "service"] if other != rule]
        assert act(scene, ",".join(without)) == SILENT.get(rule, 403)
