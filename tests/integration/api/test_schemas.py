"""Schemas, and what the service says of its stores."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.api.conftest import Start
from tests.integration.api.service import V21, Api, auth

ALICE = "alice:blue:member"
CUSTOM = {
    "properties": {
        "os_distro": {"type": "string", "enum": ["debian", "fedora"]},
        "cores": {"type": ["null", "integer"], "minimum": 1},
    },
    "required": ["os_distro"],
}


def schema(api: Api, name: str) -> dict[str, Any]:
    answer = api.http.get(f"/v2/schemas/{name}", headers=auth(ALICE))
    assert answer.status_code == 200
    document: dict[str, Any] = answer.json()
    return document


def test_the_schema_of_an_image_describes_every_attribute_that_images_show(api: Api) -> None:
    document = schema(api, "image")
    assert list(document) == ["name", "properties", "additionalProperties", "links"]
    assert document["name"] == "image"
    assert document["additionalProperties"] == {"type": "string"}
    assert {link["rel"]: link["href"] for link in document["links"]} == {
        "self": "{self}", "enclosure": "{file}", "describedby": "{schema}"
    }  # fmt: skip
    shown = api.show(api.active(b"x"))
    properties = document["properties"]
    assert shown.keys() <= properties.keys()
    assert properties["status"]["readOnly"] is True
    assert "readOnly" not in properties["name"]
    assert properties["disk_format"]["enum"][0] is None
    assert properties["locations"]["items"]["required"] == ["url", "metadata"]


def test_collections_hold_what_they_are_made_of(api: Api) -> None:
    images, members, tasks = (schema(api, name) for name in ("images", "members", "tasks"))
    assert images["properties"]["images"]["items"] == schema(api, "image")
    assert list(images["properties"]) == ["images", "first", "next", "schema"]
    assert members["properties"]["members"]["items"] == schema(api, "member")
    assert list(members["properties"]) == ["members", "schema"]
    assert list(tasks["properties"]) == ["tasks", "first", "next", "schema"]
    assert "input" not in tasks["properties"]["tasks"]["items"]["properties"]
    assert "input" in schema(api, "task")["properties"]
    assert api.http.get("/v2/schemas/nothing").status_code == 404
    assert api.http.post("/v2/schemas/image").status_code == 405


def test_properties_of_the_operators_own(start: Start, tmp_path: Path) -> None:
    (tmp_path / "schema-image.json").write_text(json.dumps(CUSTOM))
    configuration = tmp_path / "glance-api.conf"
    configuration.write_text("[DEFAULT]\n")
    service = start(configuration=configuration)
    document = schema(service, "image")
    assert document["required"] == ["os_distro"]
    assert document["properties"]["cores"] == {**CUSTOM["properties"]["cores"], "is_base": False}  # type: ignore[index]
    for body in ({}, {"os_distro": "beos"}, {"os_distro": "debian", "cores": "4"}):
        assert service.http.post("/v2/images", json=body).status_code == 400
    image_id = service.create(os_distro="debian", cores=4)
    assert service.show(image_id)["cores"] == 4

    def patch(**change: object) -> int:
        return service.http.patch(f"/v2/images/{image_id}", json=[change], headers=V21).status_code

    assert patch(op="replace", path="/cores", value=0) == 400
    assert patch(op="replace", path="/os_distro", value="beos") == 400
    assert patch(op="remove", path="/os_distro") == 400
    assert patch(op="replace", path="/cores", value=None) == 200
    assert service.show(image_id)["cores"] is None
    assert patch(op="remove", path="/cores") == 200
    assert "cores" not in service.show(image_id)


def test_administrators_see_more_of_the_stores(api: Api) -> None:
    stores = api.http.get("/v2/info/stores/detail").json()["stores"]
    plain = api.http.get("/v2/info/stores").json()["stores"]
    for shown, known in zip(stores, plain, strict=True):
        assert shown == {
            **known,
            "type": "file",
            "weight": 0,
            "properties": {
                "data_dir": str(api.data / "stores" / known["id"]),
                "chunk_size": 262_144,
                "thin_provisioning": True,
            },
        }
    assert api.http.get("/v2/info/stores/detail", headers=auth(ALICE)).status_code == 403
    service = auth("nova:service:service")
    assert api.http.get("/v2/info/stores/detail", headers=service).status_code == 200


def test_a_single_store_has_no_page(start: Start, tmp_path: Path) -> None:
    configuration = tmp_path / "glance-api.conf"
    configuration.write_text("[DEFAULT]\n")
    service = start(configuration=configuration)
    assert service.http.get("/v2/info/stores").status_code == 404
    assert service.http.get("/v2/info/stores/detail").status_code == 404
    assert service.http.get("/v2/info/stores/detail", headers=auth(ALICE)).status_code == 404


@pytest.mark.parametrize("token", [None, ALICE])
def test_nothing_is_limited_and_so_nothing_is_counted(api: Api, token: str | None) -> None:
    assert api.http.get("/v2/info/usage", headers=auth(token)).json() == {"usage": {}}
    assert api.http.post("/v2/info/usage").status_code == 404
