"""One service for all clients on each kind of database, and a web server with something to import."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from glimpse.testing.httpserver import HttpServer, Reply
from tests.integration.api.service import served
from tests.integration.clients.command import Command
from tests.integration.imports.service import Service
from tests.servers.databases import Databases

# The same in every module: pytest loads this file more than once.
DATA = random.Random(0).randbytes(300_000)


@pytest.fixture(scope="package")
def service(backend: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """An api process and a conductor."""
    with served(Service, backend, tmp_path_factory.mktemp("clients")) as running:
        running.conduct()
        yield running


@pytest.fixture(scope="package")
def source() -> Iterator[str]:
    """The URL of an image on the web."""
    with HttpServer({"/disk": Reply(DATA)}) as server:
        yield server.url("/disk")


@pytest.fixture(scope="package")
def identity() -> Iterator[str]:
    """The URL of a Keystone that answers nobody's questions: openstackclient then takes names for ids."""
    as_json = {"Content-Type": "application/json"}
    secret = Reply(b"{}", status=403, headers=as_json)
    with HttpServer({"/v3/projects/green": secret, "/v3/projects": secret}) as server:
        links = [{"rel": "self", "href": server.url("/v3/")}]
        version = {"version": {"id": "v3.14", "status": "stable", "links": links}}
        server.replies["/v3"] = Reply(json.dumps(version).encode(), headers=as_json)
        yield server.url("/v3")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A file to upload."""
    path = tmp_path / "disk.raw"
    path.write_bytes(DATA)
    return path


@pytest.fixture
def glance(service: Service, tmp_path: Path) -> Command:
    """python-glanceclient's command, as a member of the project blue."""
    return Command("glance", tmp_path, {"OS_IMAGE_URL": service.url, "OS_AUTH_TOKEN": "ann:blue:member"})


@pytest.fixture
def openstack(service: Service, tmp_path: Path) -> Command:
    """python-openstackclient's command, as a member of the project blue."""
    environment = {
        "OS_AUTH_TYPE": "admin_token",
        "OS_ENDPOINT": f"{service.url}/v2",
        "OS_TOKEN": "ann:blue:member",
    }
    return Command("openstack", tmp_path, environment)
