"""The clients of an OpenStack cloud: they find the service in Keystone's catalogue, and their tokens are good."""

import json
import random
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import openstack
import pytest
from openstack.image.v2._proxy import Proxy

from tests.integration.access.conftest import configuration
from tests.integration.clients.command import Command
from tests.integration.test_run import Service
from tests.servers.identity import Identity, password
from tests.servers.keystone import authtoken

DATA = random.Random(5).randbytes(200_000)


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory, identity: Identity, operator: Identity) -> Iterator[str]:
    """A region of the cloud in which glance-api runs with an operator's configuration."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    directory = tmp_path_factory.mktemp("region")
    file = configuration(directory, "keystone", authtoken(identity.url), f"bind_port = {port}")
    options = ("--config-file", str(file), "--data", str(directory))
    with Service(port, "glimpse.cli.glance_api", *options) as service:
        name = f"region-{port}"
        operator.publish(service.url, name)
        yield name


def login(identity: Identity, user: str, region: str) -> dict[str, str]:
    return {
        "OS_AUTH_URL": identity.url,
        "OS_IDENTITY_API_VERSION": "3",
        "OS_USERNAME": user,
        "OS_PASSWORD": password(user),
        "OS_PROJECT_NAME": "green" if user == "zoe" else "blue",
        "OS_USER_DOMAIN_NAME": "Default",
        "OS_PROJECT_DOMAIN_NAME": "Default",
        "OS_REGION_NAME": region,
    }


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "disk.raw"
    path.write_bytes(DATA)
    return path


@pytest.mark.slow
def test_openstackclient(
    identity: Identity, operator: Identity, region: str, data: Path, tmp_path: Path
) -> None:
    clouds = {
        user: {
            "auth": {
                "auth_url": identity.url,
                "username": user,
                "password": password(user),
                "project_name": "green" if user == "zoe" else "blue",
                "user_domain_name": "Default",
                "project_domain_name": "Default",
            },
            "region_name": region,
        }
        for user in ("ann", "ron", "zoe")
    }
    (tmp_path / "clouds.yaml").write_text(json.dumps({"clouds": clouds}))
    ann = Command("openstack", tmp_path, {"OS_CLOUD": "ann"})
    made = ann.json("image", "create", "--file", data, "--disk-format", "raw", "uploaded")
    assert (made["status"], made["owner"]) == ("active", operator.project("blue"))
    made = ann.json("image", "create", "--import", "--file", data, "--disk-format", "raw", "imported")
    ron = replace(ann, environment={"OS_CLOUD": "ron"})
    assert {row["Name"] for row in ron.json("image", "list")} >= {"uploaded", "imported"}
    assert "403 Forbidden: You are not allowed" in ron.complaint(
        "image", "create", "--disk-format", "raw", "forbidden"
    )
    ann.run("image", "save", "--file", tmp_path / "copy", "uploaded")
    assert (tmp_path / "copy").read_bytes() == DATA
    # Keystone is asked for the project; by its id, since only an administrator finds it by name.
    ann.run("image", "add", "project", made["id"], operator.project("green"))
    zoe = replace(ann, environment={"OS_CLOUD": "zoe"})
    zoe.run("image", "set", "--accept", made["id"])
    assert [row["Name"] for row in zoe.json("image", "list", "--shared")] == ["imported"]


def test_glanceclient(
    identity: Identity, operator: Identity, region: str, data: Path, tmp_path: Path
) -> None:
    glance = Command("glance", tmp_path, login(identity, "ann", region))
    made = glance.record(
        "image-create-via-import", "--import-method", "glance-direct", "--name", "by glance",
        "--disk-format", "raw", "--container-format", "bare", "--file", data,
    )  # fmt: skip
    assert made["owner"] == operator.project("blue")
    assert "by glance" in [row["Name"] for row in glance.table("image-list")]
    wrong = {**login(identity, "ann", region), "OS_PASSWORD": "wrong"}
    assert "401" in replace(glance, environment=wrong).complaint("image-list")


def test_openstacksdk_gets_a_new_token_when_its_own_was_revoked(
    identity: Identity, operator: Identity, region: str
) -> None:
    connection = openstack.connect(
        auth_url=identity.url,
        username="ann",
        password=password("ann"),
        project_name="blue",
        user_domain_name="Default",
        project_domain_name="Default",
        region_name=region,
    )
    images = connection.image
    assert isinstance(images, Proxy)
    # Before the service has seen it, so nothing of it is remembered.
    token = connection.auth_token
    assert token is not None
    operator.revoke(token)
    image = images.create_image("sdk", disk_format="raw", container_format="bare")
    assert image.owner == operator.project("blue")
    assert connection.auth_token != token
    connection.close()
