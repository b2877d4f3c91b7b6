"""Protected properties over HTTP, by the rules that the guide shows."""

import re
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from glimpse.testing.httpserver import HttpServer, Reply
from tests.integration.access.conftest import Start, configuration
from tests.integration.api.service import V21, Api, auth
from tests.integration.imports.service import Service
from tests.servers.identity import Identity
from tests.servers.keystone import authtoken

GUIDE = Path(__file__).parents[3] / "docs" / "property-protection.md"
ADMIN = "ada:ops:admin"
MEMBER = "alice:blue:member"
READER = "rita:blue:reader"
BILLER = "bill:blue:member,biller"
FILE = "property_protection_file = protections.conf\n"
RAW = {"disk_format": "raw", "container_format": "bare"}


def example(number: int) -> str:
    """An indented block of the guide."""
    blocks = re.findall(r"(?:^(?:    .*)?\n)+", GUIDE.read_text(), re.MULTILINE)
    return [re.sub(r"^    ", "", block, flags=re.MULTILINE) for block in blocks if block.strip()][number]


def protect(directory: Path, rules: str, options: str = FILE, sections: str = "") -> Path:
    """The configuration of a service without authentication whose properties are so protected."""
    file = configuration(directory, "", sections, options)
    (directory / "protections.conf").write_text(rules)
    return file


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    directory = tmp_path_factory.mktemp("protected")
    sections = "[import_filtering_opts]\nallowed_hosts = [127.0.0.1]\n"
    with Api(directory, configuration=protect(directory, example(1), sections=sections)) as running:
        yield running


def make(api: Api, token: str, **properties: str) -> Any:
    return api.http.post("/v2/images", json={**RAW, **properties}, headers=auth(token))


def patch(api: Api, token: str, image_id: str, *changes: tuple[str, str] | tuple[str, str, str]) -> Any:
    body = [
        {"op": change[0], "path": f"/{change[1]}", **({"value": change[2]} if len(change) == 3 else {})}
        for change in changes
    ]
    return api.http.patch(f"/v2/images/{image_id}", json=body, headers={**auth(token), **V21})


def seen(api: Api, token: str, image_id: str) -> dict[str, object]:
    """The protected properties in which the caller finds the image, alone and in a list."""
    alone = api.http.get(f"/v2/images/{image_id}", headers=auth(token)).json()
    (listed,) = api.http.get(f"/v2/images?id={image_id}", headers=auth(token)).json()["images"]
    assert alone == listed
    return {name: alone[name] for name in alone if name.startswith(("billing_", "hw_", "note", "other"))}


@pytest.fixture
def image_id(api: Api) -> str:
    """Blue's, with a property of each kind."""
    answer = make(api, "abe:blue:admin,biller", billing_code="7", hw_disk_bus="scsi", note="a")
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def test_everybody_sees_what_they_may_read(api: Api, image_id: str) -> None:
    everything = {"billing_code": "7", "hw_disk_bus": "scsi", "note": "a"}
    assert seen(api, BILLER, image_id) == everything
    for token in (ADMIN, MEMBER, READER):
        assert seen(api, token, image_id) == {"hw_disk_bus": "scsi", "note": "a"}


@pytest.mark.parametrize(
    ("token", "name", "status"),
    [
        (MEMBER, "note", 201), (MEMBER, "hw_disk_bus", 403), (MEMBER, "billing_code", 403),
        (BILLER, "billing_code", 201), ("abe:blue:admin", "hw_disk_bus", 201),
        ("abe:blue:admin", "billing_code", 403), (MEMBER, "os_glance_x", 403),
        # An attribute is no property.
        (MEMBER, "name", 201),
    ],
)  # fmt: skip
def test_creating_with_an_image(api: Api, token: str, name: str, status: int) -> None:
    answer = make(api, token, **{name: "x"})
    assert answer.status_code == status
    assert status == 201 or name in answer.text


@pytest.mark.parametrize(
    ("token", "change", "status"),
    [
        (MEMBER, ("add", "note2", "x"), 200), (MEMBER, ("add", "note", "x"), 200),
        (MEMBER, ("replace", "note", "x"), 200), (MEMBER, ("remove", "note"), 200),
        (MEMBER, ("replace", "note2", "x"), 409), (MEMBER, ("remove", "note2"), 409),
        # Readable and no more.
        (MEMBER, ("add", "hw_new", "x"), 403), (MEMBER, ("add", "hw_disk_bus", "x"), 403),
        (MEMBER, ("replace", "hw_disk_bus", "x"), 403), (MEMBER, ("remove", "hw_disk_bus"), 403),
        (MEMBER, ("replace", "hw_new", "x"), 409), (MEMBER, ("remove", "hw_new"), 409),
        # Not even readable: the same is said whether it is there or not.
        (MEMBER, ("add", "billing_code", "x"), 403), (MEMBER, ("add", "billing_new", "x"), 403),
        (MEMBER, ("replace", "billing_code", "x"), 403), (MEMBER, ("replace", "billing_new", "x"), 403),
        (MEMBER, ("remove", "billing_code"), 403), (MEMBER, ("remove", "billing_new"), 403),
        (BILLER, ("add", "billing_new", "x"), 200), (BILLER, ("add", "billing_code", "x"), 403),
        (BILLER, ("replace", "billing_code", "x"), 403), (BILLER, ("remove", "billing_code"), 403),
        (ADMIN, ("replace", "hw_disk_bus", "x"), 200), (ADMIN, ("remove", "hw_disk_bus"), 200),
    ],
)  # fmt: skip
def test_changing(
    api: Api, image_id: str, token: str, change: tuple[str, str] | tuple[str, str, str], status: int
) -> None:
    before = api.catalog.images.get(image_id).properties
    assert patch(api, token, image_id, change).status_code == status
    assert (api.catalog.images.get(image_id).properties == before) == (status != 200)


def test_who_cannot_read_a_property_never_drops_it_by_saving(api: Api, image_id: str) -> None:
    answer = patch(
        api, MEMBER, image_id, ("replace", "name", "x"), ("add", "note", "b"), ("add", "other", "c")
    )
    assert answer.status_code == 200
    assert "billing_code" not in answer.json()
    assert api.http.put(f"/v2/images/{image_id}/tags/x", headers=auth(MEMBER)).status_code == 204
    assert seen(api, BILLER, image_id) == {
        "billing_code": "7", "hw_disk_bus": "scsi", "note": "b", "other": "c"
    }  # fmt: skip


def test_of_many_who_may_only_create_a_property_one_creates_it(api: Api, image_id: str) -> None:
    """Each has found that it is not there, and only then they write."""
    codes = [str(number) for number in range(6)]
    with (
        ThreadPoolExecutor(len(codes)) as pool,
        closing(sqlite3.connect(api.data / "glimpse.db")) as database,
    ):
        database.isolation_level = None
        # Nobody else can write now.
        database.execute("BEGIN IMMEDIATE")
        asked = [pool.submit(patch, api, BILLER, image_id, ("add", "billing_new", code)) for code in codes]
        for _ in codes:
            # Answered after what was asked before has been read.
            seen(api, BILLER, image_id)
        database.execute("COMMIT")
        answers = [each.result().status_code for each in asked]
    assert sorted(answers) == [200, 403, 403, 403, 403, 403]
    assert seen(api, BILLER, image_id)["billing_new"] == codes[answers.index(200)]


def test_nothing_of_a_change_is_made_where_one_part_is_refused(api: Api, image_id: str) -> None:
    assert patch(api, MEMBER, image_id, ("add", "note", "b"), ("add", "billing_code", "x")).status_code == 403
    assert seen(api, BILLER, image_id)["note"] == "a"


def test_a_filter_tells_nothing_of_what_cannot_be_read(api: Api, image_id: str) -> None:
    def found(token: str, query: str) -> list[str]:
        answer = api.http.get(f"/v2/images?{query}", headers=auth(token))
        assert answer.status_code == 200
        assert "next" not in answer.json()
        return [image["id"] for image in answer.json()["images"]]

    for token in (MEMBER, ADMIN):
        for value in ("7", "8"):
            assert found(token, f"billing_code={value}&id={image_id}") == []
    assert found(BILLER, f"billing_code=7&id={image_id}") == [image_id]
    assert found(MEMBER, f"hw_disk_bus=scsi&id={image_id}") == [image_id]
    assert found(MEMBER, f"owner=blue&name=&id={image_id}") == []


def test_a_task_tells_nothing_of_what_cannot_be_read(api: Api) -> None:
    given = {
        "import_from": "http://127.0.0.1/",
        "import_from_format": "raw",
        "image_properties": {"name": "x", "billing_code": "7", "note": "a"},
    }
    token = "abe:blue:admin,biller"
    answer = api.http.post("/v2/tasks", json={"type": "import", "input": given}, headers=auth(token))
    assert answer.json()["input"] == given
    task = answer.json()
    rest = {**given, "image_properties": {"name": "x", "note": "a"}}
    assert api.http.get(f"/v2/tasks/{task['id']}", headers=auth(ADMIN)).json()["input"] == rest
    (row,) = api.http.get(f"/v2/images/{task['image_id']}/tasks", headers=auth(MEMBER)).json()["tasks"]
    assert row["input"] == rest


def test_what_an_import_injects_is_beyond_the_rules(tmp_path: Path) -> None:
    sections = (
        "[image_import_opts]\nimage_import_plugins = [inject_image_metadata]\n"
        "[inject_metadata_properties]\ninject = property1:injected,unnamed:too\n"
    )
    file = protect(tmp_path / "data", example(3), sections=sections)
    with (
        HttpServer({"/image": Reply(b"x" * 4096)}) as source,
        Service(tmp_path / "data", configuration=file) as service,
    ):
        service.conduct()
        assert make(service, MEMBER, property1="mine").status_code == 403
        image_id = make(service, MEMBER).json()["id"]
        body = {"method": {"name": "web-download", "uri": source.url("/image")}}
        path = f"/v2/images/{image_id}/import"
        assert service.http.post(path, json=body, headers=auth(MEMBER)).status_code == 202
        assert service.ended(image_id)["status"] == "success"
        for token in (MEMBER, "m:blue:_member_,reader", ADMIN):
            shown = service.http.get(f"/v2/images/{image_id}", headers=auth(token)).json()
            assert shown["property1"] == "injected"
            # What no section is about is nobody's.
            assert "unnamed" not in shown
        assert "property1" not in service.http.get(f"/v2/images/{image_id}", headers=auth(READER)).json()
        assert service.catalog.images.get(image_id).properties["unnamed"] == "too"
        for change in (("replace", "property1", "mine"), ("remove", "property1")):
            assert patch(service, MEMBER, image_id, change).status_code == 403
        assert patch(service, ADMIN, image_id, ("remove", "property1")).status_code == 200


def test_roles_of_a_service_count(start: Start, tmp_path: Path, identity: Identity) -> None:
    directory = tmp_path / "data"
    directory.mkdir()
    rules = "[.*]\ncreate = service\nread = @\nupdate = !\ndelete = !\n"
    (directory / "protections.conf").write_text(rules)
    api = start("keystone", authtoken(identity.url), FILE)
    headers = auth(identity.token("ann"))
    assert api.http.post("/v2/images", json={"a": "b"}, headers=headers).status_code == 403
    headers["X-Service-Token"] = identity.token("nova")
    assert api.http.post("/v2/images", json={"a": "b"}, headers=headers).status_code == 201


def test_policy_rules_decide_where_the_configuration_says_so(start: Start, tmp_path: Path) -> None:
    directory = tmp_path / "data"
    directory.mkdir()
    (directory / "policy.yaml").write_text(example(4))
    (directory / "protections.conf").write_text(example(5))
    api = start("", options=f"{FILE}property_protection_rule_format = policies\n")
    assert make(api, MEMBER, licence="x").status_code == 403
    made = make(api, "pat:blue:member,publisher", licence="x")
    assert made.status_code == 201
    image_id = made.json()["id"]
    assert api.http.get(f"/v2/images/{image_id}", headers=auth(READER)).json()["licence"] == "x"
    assert patch(api, MEMBER, image_id, ("remove", "licence")).status_code == 403
    assert patch(api, "abe:blue:admin", image_id, ("remove", "licence")).status_code == 200


RULES = {
    "roles": """
[^locked$]
create = !
read = !
update = !
delete = !
[^role_]
create = Alpha
read = alpha, beta
update = beta
delete =
[^role_special]
create = @
read = @
update = @
delete = @
[middle]
create = @
read = @
update = !
delete = @
""",
    "policies": """
[^locked$]
create = !
read = !
update = !
delete = !
[^role_]
create = is_alpha
read = is_either
update = is_beta
delete =
[^role_special]
create = @
read = @
update = @
delete = @
[middle]
create = @
read = @
update = !
delete = @
""",
}
POLICIES = """\
"is_alpha": "role:alpha"
"is_beta": "role:beta"
"is_either": "rule:is_alpha or rule:is_beta"
"""
# What each may do: create, read, update, delete.
RIGHTS = {
    ("locked", "alpha"): "", ("locked", "admin"): "", ("locked2", "admin"): "",
    ("role_x", "alpha"): "cr", ("role_x", "beta"): "ru", ("role_x", "member"): "", ("role_x", "admin"): "",
    # The first section that is found decides.
    ("role_special", "alpha"): "cr", ("role_special", "member"): "",
    # Found anywhere in the name, in this case only.
    ("in_the_middle_of", "member"): "crd", ("in_the_Middle_of", "member"): "",
    # No section is about it.
    ("a_role_", "admin"): "", ("unnamed", "member"): "",
}  # fmt: skip


@pytest.mark.parametrize("format", RULES)
def test_each_right_is_the_first_sections_that_is_found(start: Start, tmp_path: Path, format: str) -> None:
    directory = tmp_path / "data"
    directory.mkdir()
    (directory / "policy.yaml").write_text(POLICIES)
    (directory / "protections.conf").write_text(RULES[format])
    api = start("", options=f"{FILE}property_protection_rule_format = {format}\n")
    for (name, role), rights in RIGHTS.items():
        token = f"u:blue:member,{role}"
        assert make(api, token, **{name: "x"}).status_code == (201 if "c" in rights else 403), (name, role)
        bare = api.create("abe:blue:admin")
        assert patch(api, token, bare, ("add", name, "x")).status_code == (200 if "c" in rights else 403)
        # As nobody could have made it through the API.
        image_id = api.create("abe:blue:admin")
        api.catalog.images.update(image_id, properties={name: "x"})
        shown = api.http.get(f"/v2/images/{image_id}", headers=auth(token)).json()
        assert (name in shown) == ("r" in rights), (name, role)
        expected = 200 if "u" in rights else 403
        assert patch(api, token, image_id, ("replace", name, "y")).status_code == expected, (name, role)
        assert patch(api, token, image_id, ("add", name, "z")).status_code == expected, (name, role)
        assert api.catalog.images.get(image_id).properties[name] == ("z" if "u" in rights else "x")
        assert patch(api, token, image_id, ("add", "name", "saved")).status_code == 200
        assert name in api.catalog.images.get(image_id).properties
        expected = 200 if "d" in rights else 403
        assert patch(api, token, image_id, ("remove", name)).status_code == expected, (name, role)
        assert (name in api.catalog.images.get(image_id).properties) == ("d" not in rights)
