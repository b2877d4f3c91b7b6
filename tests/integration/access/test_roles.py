"""Every caller, every kind of image and every operation through HTTP, against the table beside this file."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from glimpse.catalog.records import NewLocation
from glimpse.testing.httpserver import HttpServer, Reply
from tests.integration.access.roles_table import ANYWHERE, CALLERS, KINDS, NEW, OLD
from tests.integration.access.users import set_password
from tests.integration.api.service import BYTES, V21, Api

MODES = {"new": NEW, "old": OLD}
MARKS = {403: "-", 404: "."}
RAW = {"disk_format": "raw", "container_format": "bare"}
ROOT = "root"
CONFIGURATION = """\
[DEFAULT]
enabled_backends = main:file, mirror:file, web:http
show_multiple_locations = true
allow_anonymous_access = true
limit_param_default = 1000
[glance_store]
default_backend = main
[os_glance_staging_store]
[main]
filesystem_store_datadir = {directory}/stores/main
[mirror]
filesystem_store_datadir = {directory}/stores/mirror
[paste_deploy]
flavor = http_basic
[oslo_policy]
enforce_new_defaults = {new}
[import_filtering_opts]
allowed_hosts = 127.0.0.1
allowed_ports =
"""


@dataclass(frozen=True)
class Operation:
    """A request, on an image that is in ``state``. ``{id}`` in it is the image's.

    ``found``: whether an answer that everybody gets holds, for the image of this id, what stands for done.
    """

    state: str
    method: str
    path: str
    success: int
    body: object = None
    data: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    found: Callable[[Any, str], bool] | None = None


def listed(answer: Any, image_id: str) -> bool:
    return image_id in [image["id"] for image in answer["images"]]


def patch(state: str, *changes: Mapping[str, object]) -> Operation:
    return Operation(state, "PATCH", "images/{id}", 200, list(changes), headers=V21)


def put(name: str, value: object, state: str = "queued", verb: str = "replace") -> Operation:
    return patch(state, {"op": verb, "path": f"/{name}", "value": value})


def operations(web: str) -> dict[str, Operation]:
    """By their names in the table. ``web`` is where data can be had."""
    location = {"url": web, "metadata": {}}
    file, members = "images/{id}/file", "images/{id}/members"
    of_import = "images/{id}/import"
    listing = "images?id={id}&member_status=all"
    return {
        "show": Operation("active", "GET", "images/{id}", 200),
        "show a hidden one": Operation("hidden", "GET", "images/{id}", 200),
        "find in the list": Operation("active", "GET", listing, 200, found=listed),
        "find among the hidden": Operation("hidden", "GET", f"{listing}&os_hidden=true", 200, found=listed),
        "download": Operation("active", "GET", file, 200),
        "download part": Operation("active", "GET", file, 206, headers={"Range": "bytes=1-2"}),
        "download, from this store": Operation("active", "GET", f"{file}?prefer=main", 200),
        "download a deactivated": Operation("deactivated", "GET", file, 200),
        "upload": Operation("queued", "PUT", file, 204, data=b"data", headers=BYTES),
        "stage": Operation("queued", "PUT", "images/{id}/stage", 204, data=b"data", headers=BYTES),
        "import by glance-direct": Operation(
            "staged", "POST", of_import, 202, {"method": {"name": "glance-direct"}}
        ),
        "import by web-download": Operation(
            "queued", "POST", of_import, 202, {"method": {"name": "web-download", "uri": web}}
        ),
        "watch an import": Operation("importing", "GET", of_import, 200),
        "source of an import": Operation(
            "importing", "GET", of_import, 200, found=lambda answer, _: answer["method"].get("uri") == web
        ),
        "tasks of an image": Operation(
            "importing", "GET", "images/{id}/tasks", 200, found=lambda answer, _: len(answer["tasks"]) == 1
        ),
        "rename": put("name", "other"),
        "add a property": put("colour", "blue", verb="add"),
        "replace a property": put("size_of_hat", "8"),
        "remove a property": patch("queued", {"op": "remove", "path": "/size_of_hat"}),
        "replace the tags": put("tags", ["a", "b"]),
        "protect": put("protected", True),
        "hide": put("os_hidden", True, "active"),
        "set the formats": patch(
            "queued",
            {"op": "replace", "path": "/disk_format", "value": "qcow2"},
            {"op": "replace", "path": "/container_format", "value": "ovf"},
        ),
        "set the needs": patch(
            "active",
            {"op": "replace", "path": "/min_disk", "value": 1},
            {"op": "replace", "path": "/min_ram", "value": 1},
        ),
        "change the owner": put("owner", "green"),
        "make private": put("visibility", "private"),
        "make shared": put("visibility", "shared"),
        "communitize": put("visibility", "community"),
        "publicize": put("visibility", "public"),
        "change nothing": patch("queued"),
        "change an internal": put("os_glance_importing_to_stores", "main", verb="add"),
        "tag": Operation("active", "PUT", "images/{id}/tags/new", 204),
        "untag": Operation("active", "DELETE", "images/{id}/tags/old", 204),
        "deactivate": Operation("active", "POST", "images/{id}/actions/deactivate", 204),
        "reactivate": Operation("deactivated", "POST", "images/{id}/actions/reactivate", 204),
        "list members": Operation("active", "GET", members, 200),
        "show a member": Operation("active", "GET", f"{members}/red", 200),
        "invite": Operation("active", "POST", members, 200, {"member": "yellow"}),
        "accept": Operation("active", "PUT", f"{members}/red", 200, {"status": "accepted"}),
        "uninvite": Operation("active", "DELETE", f"{members}/red", 204),
        "locations": Operation("active", "GET", "images/{id}/locations", 200),
        "give a location": Operation("queued", "POST", "images/{id}/locations", 202, {"url": web}),
        "add a location": put("locations/-", location, verb="add"),
        "replace locations": put("locations", [location]),
        "remove a location": patch("active", {"op": "remove", "path": "/locations/1"}),
        "delete from a store": Operation("active", "DELETE", "stores/main/{id}", 204),
        "delete": Operation("active", "DELETE", "images/{id}", 204),
        "delete a protected": Operation("protected", "DELETE", "images/{id}", 204),
    }


def anywhere(web: str, task: str) -> dict[str, Operation]:
    """Those that are not about one image."""

    def create(**body: object) -> Operation:
        return Operation("", "POST", "images", 201, body)

    def get(path: str) -> Operation:
        return Operation("", "GET", path, 200)

    given = {"import_from": web, "import_from_format": "raw", "image_properties": {}}
    return {
        "create": create(),
        "create a private": create(visibility="private"),
        "create a community": create(visibility="community"),
        "create a public": create(visibility="public"),
        "create for another": create(owner="yellow"),
        "create with a property": create(colour="blue"),
        "list": get("images"),
        "list the hidden": get("images?os_hidden=true"),
        "list tasks": get("tasks"),
        "show a task": get(f"tasks/{task}"),
        "ask for a task": Operation("", "POST", "tasks", 201, {"type": "import", "input": given}),
        "import methods": get("info/import"),
        "stores": get("info/stores"),
        "stores in detail": get("info/stores/detail"),
        "usage": get("info/usage"),
        "schema of images": get("schemas/image"),
        "schema of tasks": get("schemas/tasks"),
        "list the cache": get("cache"),
        "cache an image": Operation("", "PUT", "cache/9f7eb8bc-5f4f-4b4c-8b1c-2d1b2f3a4c5d", 202),
        "metadata definitions": get("metadefs/namespaces"),
    }


class Site:
    """A running service, and images of the project blue in every state, made when they are first needed."""

    def __init__(self, api: Api, web: str) -> None:
        self.api = api
        self.web = web
        self._images: dict[tuple[str, str], str] = {}
        self._makers: Mapping[str, Callable[[str], None]] = {
            "queued": lambda image_id: None,
            "active": self._activate,
            "hidden": self._activate,
            "protected": self._activate,
            "deactivated": self._deactivate,
            "staged": self._stage,
            "importing": self._import,
        }
        self.task = self._image("importing", "private")

    def tried(self, caller: str, operation: Operation, kind: str) -> str:
        """The mark for what a caller is answered. What was changed is not used again."""
        image_id = self._image(operation.state, kind) if operation.state else ""
        answer = self._ask(caller, operation, image_id)
        if answer.status_code != operation.success:
            return MARKS.get(answer.status_code, f"{answer.status_code} {answer.text}")
        if operation.found is not None:
            return "+" if operation.found(answer.json(), image_id) else "."
        if operation.method != "GET":
            self._images.pop((operation.state, kind), None)
        return "+"

    def task_id(self) -> str:
        """A task that administrators may look at."""
        tasks = self._must("GET", f"images/{self.task}/tasks", 200).json()["tasks"]
        return str(tasks[0]["id"])

    def _ask(self, caller: str, operation: Operation, image_id: str) -> httpx.Response:
        content = operation.data
        if operation.body is not None:
            content = json.dumps(operation.body).encode()
        return self.api.http.request(
            operation.method,
            f"/v2/{operation.path.format(id=image_id)}",
            headers=dict(operation.headers),
            content=content,
            auth=None if CALLERS.get(caller, ()) is None else (caller, caller),
        )

    def _must(
        self, method: str, path: str, success: int, body: object = None, by: str = ROOT, **more: Any
    ) -> httpx.Response:
        answer = self._ask(by, Operation("", method, path, success, body, **more), "")
        assert answer.status_code == success, answer.text
        return answer

    def _image(self, state: str, kind: str) -> str:
        if (state, kind) not in self._images:
            body = {
                **RAW, "owner": "blue", "visibility": "shared", "tags": ["old"], "size_of_hat": "7",
                "os_hidden": state == "hidden", "protected": state == "protected",
            }  # fmt: skip
            image_id = str(self._must("POST", "images", 201, body).json()["id"])
            if kind == "shared":
                self._must("POST", f"images/{image_id}/members", 200, {"member": "red"})
            else:
                change = [{"op": "replace", "path": "/visibility", "value": kind}]
                self._must("PATCH", f"images/{image_id}", 200, change, headers=V21)
            self._makers[state](image_id)
            self._images[state, kind] = image_id
        return self._images[state, kind]

    def _activate(self, image_id: str) -> None:
        self._must("PUT", f"images/{image_id}/file", 204, data=b"data", headers=BYTES)
        # Deleting is checked against what the store has, but a location that is gone already is no obstacle.
        copy = NewLocation(f"file://{self.api.data}/stores/mirror/{image_id}", "mirror")
        self.api.catalog.locations.add(image_id, copy)

    def _deactivate(self, image_id: str) -> None:
        self._activate(image_id)
        self._must("POST", f"images/{image_id}/actions/deactivate", 204)

    def _stage(self, image_id: str) -> None:
        self._must("PUT", f"images/{image_id}/stage", 204, data=b"data", headers=BYTES)

    def _import(self, image_id: str) -> None:
        body = {"method": {"name": "web-download", "uri": self.web}}
        self._must("POST", f"images/{image_id}/import", 202, body, by="member")


@pytest.fixture(scope="module", params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def site(mode: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One service for the whole table; no conductor, so that imports which were asked for wait."""
    directory = tmp_path_factory.mktemp(mode)
    places = {name: place for name, place in CALLERS.items() if place is not None} | {ROOT: ("ops", "admin")}
    for name in places:
        set_password(directory / "htpasswd", name, name)
    lines = [f"{name}:{project}:{role}\n" for name, (project, role) in places.items()]
    (directory / "htpasswd-roles").write_text("".join(lines))
    file = directory / "glance-api.conf"
    file.write_text(CONFIGURATION.format(directory=directory, new=mode == "new"))
    with (
        HttpServer({"/image": Reply(b"data", ranges=True)}) as web,
        Api(directory, configuration=file) as api,
    ):
        yield Site(api, web.url("/image"))


def columns(table: str) -> tuple[list[str], dict[str, list[str]]]:
    """The names of the columns, and the cells of each row."""
    head, *rows = table.strip("\n").splitlines()
    width = next(place for place, letter in enumerate(head) if letter != " ")
    return head.split(), {row[:width].strip(): row[width:].split() for row in rows}


def row(site: Site, operation: Operation, kind: str) -> str:
    return "".join(site.tried(caller, operation, kind) for caller in CALLERS)


@pytest.mark.parametrize("kind", KINDS)
def test_who_may_do_what_to_an_image(site: Site, mode: str, kind: str) -> None:
    names, rows = columns(MODES[mode])
    known = operations(site.web)
    assert list(rows) == list(known)
    expected = {name: cells[names.index(kind)] for name, cells in rows.items()}
    assert {name: row(site, operation, kind) for name, operation in known.items()} == expected


def test_who_may_do_what_else(site: Site, mode: str) -> None:
    names, rows = columns(ANYWHERE)
    known = anywhere(site.web, site.task_id())
    assert list(rows) == list(known)
    expected = {name: cells[names.index(mode)] for name, cells in rows.items()}
    assert {name: row(site, operation, "") for name, operation in known.items()} == expected
