"""Which rules each operation asks: every rule wants the role of its own name, and a caller has these or lacks one."""

import json
from collections.abc import Callable, Iterator, Mapping
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
RAW = {"disk_format": "raw", "container_format": "bare"}
# What a new image may not be here, and how a rule says so.
MATTERS: list[tuple[str, object, str]] = [
    ("id", "6d6a8ec0-ae9a-4cbd-9bfd-0a6ed7ad5ed0", "'6d6a8ec0-ae9a-4cbd-9bfd-0a6ed7ad5ed0':%(image_id)s"),
    ("name", "no", "'no':%(name)s"),
    ("owner", "red", "'red':%(tenant)s"),
    ("disk_format", "iso", "'iso':%(disk_format)s"),
    ("container_format", "ova", "'ova':%(container_format)s"),
    ("min_disk", 7, "'7':%(min_disk)s"),
    ("min_ram", 7, "'7':%(min_ram)s"),
    ("protected", True, "'True':%(protected)s"),
    ("os_hidden", True, "'True':%(os_hidden)s"),
    ("colour", "no", "'no':%(colour)s"),
]
# Which visibility has which rule asked.
MAKING = {"add_image": "shared", "publicize_image": "public", "communitize_image": "community"}


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
        return str(self.answer("add_image", "POST", "images", json=RAW).json()["id"])

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
    forbidden = " or ".join(check for _, _, check in MATTERS)
    judging = {
        name: f"role:{name} and not ('{name}':%(judged_by)s and 'queued':%(status)s and ({forbidden}))"
        for name in MAKING
    }
    policy.write_text(json.dumps({**{name: f"role:{name}" for name in NAMES}, **judging, **OPEN}))
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


@pytest.mark.parametrize("rule", MAKING)
@pytest.mark.parametrize(("attribute", "value"), [each[:2] for each in MATTERS], ids=[e[0] for e in MATTERS])
def test_a_rule_about_new_images_may_ask_for_every_attribute(
    scene: Scene, rule: str, attribute: str, value: object
) -> None:
    whole = {**RAW, "visibility": MAKING[rule], "judged_by": rule}
    refused = {**whole, attribute: value}

    def by_task(image: Mapping[str, object]) -> int:
        source = {"import_from": "http://127.0.0.1/", "import_from_format": image["disk_format"]}
        body = {"type": "import", "input": {**source, "image_properties": image}}
        return scene.request(",".join(NAMES), "POST", "tasks", json=body)

    assert scene.request(",".join(NAMES), "POST", "images", json=whole) == 201
    assert scene.request(",".join(NAMES), "POST", "images", json=refused) == 403
    assert by_task(whole) == 201
    assert by_task(refused) == 403
