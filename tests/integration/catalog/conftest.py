"""Database servers, to be hurt."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from glimpse.catalog import Catalog, Database
from glimpse.catalog.records import NewImage
from tests.servers.databases import SERVERS, Databases, databases
from tests.servers.fixtures import meeting, open_database
from tests.servers.server import DatabaseServer
from tests.servers.shared import KINDS
from tests.unit.catalog.writers import COUNTER

__all__ = ["meeting", "open_database"]


@pytest.fixture(scope="session", params=SERVERS)
def backend(
    request: pytest.FixtureRequest, meeting: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Databases]:
    """Each kind of server in turn."""
    with databases(request.param, meeting, tmp_path_factory.mktemp(request.param)) as made:
        yield made


@pytest.fixture
def url(backend: Databases) -> str:
    """A database with nothing in it but one image, whose ``min_ram`` counts."""
    url = backend.fresh()
    db = Database(url)
    Catalog(db).images.create(NewImage(id=COUNTER))
    db.close()
    return url


@pytest.fixture(scope="module", params=SERVERS)
def own_server(request: pytest.FixtureRequest) -> Iterator[DatabaseServer]:
    """A server that nobody else uses, so that it may be stopped."""
    with KINDS[request.param]() as server:
        yield server
