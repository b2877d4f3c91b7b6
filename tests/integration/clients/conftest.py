"""One service for all clients, and a web server with something to import."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from glimpse.testing.httpserver import HttpServer, Reply
from tests.integration.clients.command import Command
from tests.integration.imports.service import Service

DATA = os.urandom(300_000)


@pytest.fixture(scope="package")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """An api process and a conductor."""
    with Service(tmp_path_factory.mktemp("clients")) as running:
        running.conduct()
        yield running


@pytest.fixture(scope="package")
def source() -> Iterator[str]:
    """The URL of an image on the web."""
    with HttpServer({"/disk": Reply(DATA)}) as server:
        yield server.url("/disk")


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
