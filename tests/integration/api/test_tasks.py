"""Tasks: asked for, listed, and carried out by a conductor."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from glimpse.testing.httpserver import HttpServer, Reply
from tests.integration.api.conftest import Start
from tests.integration.api.service import CONNECTION, Api, auth, served
from tests.integration.imports.service import OPTIONS, Service
from tests.servers.databases import Databases

ALICE = "alice:blue:member"
DATA = bytes(range(256)) * 4096


@pytest.fixture(scope="module")
def service(backend: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Without a conductor: what is asked for waits."""
    with served(Service, backend, tmp_path_factory.mktemp("tasks")) as running:
        yield running


def task(source: str, format_: str = "raw", **properties: object) -> dict[str, Any]:
    given = {"import_from": source, "import_from_format": format_, "image_properties": properties}
    return {"type": "import", "input": given}


def ask(service: Api, body: object, token: str | None = None) -> httpx.Response:
    return service.http.post("/v2/tasks", json=body, headers=auth(token))


def listed(service: Service, query: str = "") -> list[str]:
    answer = service.http.get(f"/v2/tasks?{query}")
    assert answer.status_code == 200, answer.text
    return [each["id"] for each in answer.json()["tasks"]]


def test_a_task_makes_an_image_and_brings_its_data(url: str, tmp_path: Path) -> None:
    with (
        Service(tmp_path / "data", {CONNECTION: url}) as service,
        HttpServer({"/image": Reply(DATA)}) as source,
    ):
        service.conduct()
        answer = ask(service, task(source.url("/image"), name="made", tags=["a"], colour="blue"))
        assert answer.status_code == 201
        made = answer.json()
        assert answer.headers["location"] == f"{service.url}/v2/tasks/{made['id']}"
        assert (made["type"], made["status"], made["result"]) == ("import", "pending", None)
        assert made["input"]["image_properties"] == {"name": "made", "tags": ["a"], "colour": "blue"}
        assert service.ended(made["image_id"])["status"] == "success"
        done = service.http.get(f"/v2/tasks/{made['id']}").json()
        assert (done["status"], done["result"]) == ("success", {"image_id": made["image_id"]})
        assert done["expires_at"].endswith("Z")
        image = service.show(made["image_id"])
        assert (image["status"], image["name"], image["colour"], image["size"]) == (
            "active", "made", "blue", len(DATA)
        )  # fmt: skip
        assert (image["disk_format"], image["container_format"]) == ("raw", "bare")
        assert service.http.get(f"/v2/images/{made['image_id']}/file").content == DATA
        of_image = service.http.get(f"/v2/images/{made['image_id']}/tasks").json()["tasks"]
        assert [(each["id"], each["type"]) for each in of_image] == [(made["id"], "import")]


def test_a_task_shows_everything_but_secrets(service: Service) -> None:
    made = ask(service, task("http://user:secret@127.0.0.1:1/image")).json()
    shown = service.http.get(f"/v2/tasks/{made['id']}").json()
    assert shown == made
    assert list(shown)[:9] == [
        "id", "input", "type", "status", "owner", "message", "result", "created_at", "updated_at"
    ]  # fmt: skip
    assert shown["input"]["import_from"] == "http://***@127.0.0.1:1/image"
    assert (shown["self"], shown["schema"]) == (f"/v2/tasks/{made['id']}", "/v2/schemas/task")
    (in_list,) = [
        each for each in service.http.get("/v2/tasks?limit=1000").json()["tasks"] if each["id"] == made["id"]
    ]
    assert shown.keys() - in_list.keys() == {"input", "result", "message"}


@pytest.mark.parametrize(
    "body",
    [
        [], {}, {"type": "import"}, {"input": {}}, {"type": 1, "input": {}}, {"type": "import", "input": []},
        {"type": "import", "input": {}}, {"type": "export", "input": {}},
        {"type": "api_image_import", "input": {"image_id": "x"}}, {"type": "location_import", "input": {}},
        {"type": "import", "input": {"import_from": "http://127.0.0.1/x", "import_from_format": "raw"}},
        task("file:///etc/passwd"), task("ftp://127.0.0.1/x"), task("not a url"), task("http://10.0.0.1:22/x"),
        task("http://127.0.0.1/x", "lp"), task("http://127.0.0.1/x", "raw", disk_format="qcow2"),
        task("http://127.0.0.1/x", "raw", name=1), task("http://127.0.0.1/\0"),
        {"type": "import", "input": {"import_from": ["x"], "import_from_format": "raw", "image_properties": {}}},
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused_and_makes_no_image(service: Service, body: object) -> None:
    before = service.http.get("/v2/images?limit=1000").json()["images"]
    assert ask(service, body).status_code == 400
    assert service.http.get("/v2/images?limit=1000").json()["images"] == before


def test_what_an_image_may_not_be_a_task_cannot_make_it(service: Service) -> None:
    assert ask(service, task("http://127.0.0.1/x", status="active")).status_code == 403
    assert ask(service, task("http://127.0.0.1/x", tags=[str(n) for n in range(200)])).status_code == 413
    taken = service.create()
    assert ask(service, task("http://127.0.0.1/x", id=taken)).status_code == 409
    assert service.show(taken)["status"] == "queued"


def test_a_listing_is_filtered_sorted_and_paged(service: Service) -> None:
    ids = [ask(service, task("http://127.0.0.1:1/x")).json()["id"] for _ in range(3)]
    image_id = service.create()
    assert service.begin(image_id, "web-download", uri="http://127.0.0.1:1/x") == 202
    other = service.record(image_id)["id"]
    assert listed(service, "limit=4") == [other, *reversed(ids)]
    assert other not in listed(service, "type=import&limit=1000")
    assert set(ids) <= set(listed(service, "status=pending&limit=1000"))
    assert listed(service, "status=success") == []
    assert listed(service, "sort_key=created_at&sort_dir=asc&limit=1000")[-4:] == [*ids, other]
    first = service.http.get("/v2/tasks?limit=2&type=import").json()
    assert list(first) == ["tasks", "first", "schema", "next"]
    assert first["first"] == "/v2/tasks?limit=2&type=import"
    assert [each["id"] for each in first["tasks"]] == [ids[2], ids[1]]
    assert service.http.get(first["next"]).json()["tasks"][0]["id"] == ids[0]
    assert service.http.get("/v2/tasks?limit=0").json()["tasks"] == []


@pytest.mark.parametrize(
    "query",
    [
        "limit=-1", "limit=x", "marker=x", "marker=00000000-0000-0000-0000-000000000000", "type=api_image_import",
        "type=", "status=done", "sort_key=input", "sort_dir=up",
    ],
)  # fmt: skip
def test_a_listing_that_makes_no_sense_is_refused(service: Service, query: str) -> None:
    assert service.http.get(f"/v2/tasks?{query}").status_code == 400


def test_tasks_are_for_administrators(service: Service) -> None:
    task_id = ask(service, task("http://127.0.0.1:1/x")).json()["id"]
    for method, path in (("GET", "/v2/tasks"), ("GET", f"/v2/tasks/{task_id}"), ("POST", "/v2/tasks")):
        answer = service.http.request(method, path, headers=auth(ALICE))
        assert answer.status_code == 403


def test_tasks_stay(service: Service) -> None:
    task_id = ask(service, task("http://127.0.0.1:1/x")).json()["id"]
    answer = service.http.delete(f"/v2/tasks/{task_id}")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    put = service.http.put("/v2/tasks")
    assert (put.status_code, put.headers["allow"]) == (405, "GET, POST")
    for absent in ("x", "00000000-0000-0000-0000-000000000000"):
        assert service.http.get(f"/v2/tasks/{absent}").status_code == 404


def test_whoever_is_let_in_sees_the_tasks_of_its_project(start: Start, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text('"tasks_api_access": ""\n')
    service = start({**OPTIONS, "oslo_policy.policy_file": str(policy)})
    mine = ask(service, task("http://127.0.0.1:1/x"), ALICE).json()
    theirs = ask(service, task("http://127.0.0.1:1/x"), "bob:red:member").json()
    assert mine["owner"] == "blue"
    shown = service.http.get("/v2/tasks", headers=auth(ALICE)).json()["tasks"]
    assert [each["id"] for each in shown] == [mine["id"]]
    assert service.http.get(f"/v2/tasks/{mine['id']}", headers=auth(ALICE)).status_code == 200
    assert service.http.get(f"/v2/tasks/{theirs['id']}", headers=auth(ALICE)).status_code == 404
    assert ask(service, task("http://127.0.0.1:1/x"), "rita:blue:reader").status_code == 403
