"""python-openstackclient's command line, unmodified."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.clients.command import Command
from tests.integration.clients.conftest import DATA
from tests.integration.imports.service import Service


@pytest.mark.slow
def test_an_image_from_its_data_to_its_deletion(openstack: Command, data: Path, tmp_path: Path) -> None:
    made = openstack.json("image", "create", "--file", data, "--disk-format", "raw", "osc")
    assert (made["status"], made["owner"]) == ("active", "blue")
    openstack.run("image", "set", "--name", "osc renamed", "--property", "colour=blue", "--tag", "new", "osc")
    shown = openstack.json("image", "show", "osc renamed")
    assert (shown["id"], shown["properties"]["colour"], shown["tags"]) == (made["id"], "blue", ["new"])
    openstack.run("image", "unset", "--property", "colour", "--tag", "new", made["id"])
    shown = openstack.json("image", "show", made["id"])
    assert (shown["tags"], "colour" in shown["properties"]) == ([], False)
    copy = tmp_path / "copy"
    openstack.run("image", "save", "--file", copy, made["id"])
    assert copy.read_bytes() == DATA
    openstack.run("image", "delete", made["id"])
    assert "No Image found" in openstack.complaint("image", "show", made["id"])


def test_a_file_is_imported(openstack: Command, service: Service, data: Path) -> None:
    made = openstack.json("image", "create", "--import", "--file", data, "--disk-format", "raw", "imported")
    assert made["status"] in ("importing", "active")
    record = service.ended(made["id"])
    assert (record["status"], record["method"]["name"]) == ("success", "glance-direct")
    assert openstack.json("image", "show", "imported")["size"] == len(DATA)


def test_an_address_is_imported(openstack: Command, service: Service, source: str) -> None:
    made = openstack.json("image", "create", "--disk-format", "raw", "from the web")
    openstack.run(
        "image", "import", "--store", "mirror", "--method", "web-download", "--uri", source, made["id"]
    )
    service.ended(made["id"])
    shown = openstack.json("image", "show", made["id"])
    assert (shown["status"], shown["properties"]["stores"]) == ("active", "mirror")


def test_staging_and_import_one_after_the_other(openstack: Command, service: Service, data: Path) -> None:
    made = openstack.json("image", "create", "--disk-format", "raw", "osc staged")
    openstack.run("image", "stage", "--file", data, made["id"])
    openstack.run("image", "import", made["id"])
    assert service.ended(made["id"])["status"] == "success"


def test_a_name_with_a_colon_is_found(openstack: Command, service: Service) -> None:
    made = service.create("ann:blue:member", name="ubuntu:22.04")
    service.create("ann:blue:member", name="22.04")
    assert openstack.json("image", "show", "ubuntu:22.04")["id"] == made


def test_lists_with_filters_and_order(openstack: Command, service: Service) -> None:
    for name, tags in (("o-a", ["p", "q"]), ("o-b", ["p"])):
        service.create("ann:blue:member", name=name, tags=tags, group="osc")
    service.create("zoe:green:member", name="o-a", group="osc")

    def listed(*arguments: str) -> list[str]:
        return [row["Name"] for row in openstack.json("image", "list", "--property", "group=osc", *arguments)]

    assert listed("--sort", "name:desc") == ["o-b", "o-a"]
    assert listed("--tag", "p", "--tag", "q") == ["o-a"]
    assert listed("--name", "o-b", "--status", "queued", "--shared") == ["o-b"]
    assert len(listed("--limit", "1")) == 1


def test_discovery(openstack: Command) -> None:
    assert [row["ID"] for row in openstack.json("image", "stores", "list")] == ["main", "mirror"]
    assert "glance-direct" in str(openstack.json("image", "import", "info"))


@pytest.mark.slow
def test_sharing(openstack: Command, service: Service, identity: str) -> None:
    # It asks Keystone for a project before it shares an image with it.
    openstack = replace(
        openstack,
        environment={"OS_CLOUD": "ann", "OS_IDENTITY_API_VERSION": "3"},
    )
    clouds = {
        user: {
            "auth_type": "admin_token",
            "auth": {"endpoint": f"{service.url}/v2", "token": f"{user}:{project}:member"},
            "identity_endpoint_override": identity,
        }
        for user, project in (("ann", "blue"), ("zoe", "green"))
    }
    (openstack.home / "clouds.yaml").write_text(json.dumps({"clouds": clouds}))
    image_id = service.create("ann:blue:member", name="shared by osc")
    made = openstack.json("image", "add", "project", image_id, "green")
    assert (made["member_id"], made["status"]) == ("green", "pending")
    green = replace(openstack, environment={**openstack.environment, "OS_CLOUD": "zoe"})
    green.run("image", "set", "--accept", "--project", "green", image_id)
    members = openstack.json("image", "member", "list", image_id)
    assert [(row["Member ID"], row["Status"]) for row in members] == [("green", "accepted")]
    assert "shared by osc" in [row["Name"] for row in green.json("image", "list", "--shared")]
    openstack.run("image", "remove", "project", image_id, "green")
    assert openstack.json("image", "member", "list", image_id) == []
