"""A catalog on every kind of database for each test, with a clock of its own."""

import pytest

from glimpse.catalog import Catalog, Database
from glimpse.catalog.records import Image, NewImage
from tests.servers.fixtures import backend, crowded, db, empty_url, meeting, open_database, url
from tests.unit.catalog.clock import Clock

__all__ = ["backend", "crowded", "db", "empty_url", "meeting", "open_database", "url"]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def catalog(db: Database, clock: Clock) -> Catalog:
    return Catalog(db, clock=clock)


@pytest.fixture
def image(catalog: Catalog) -> Image:
    """A queued image whose formats are known."""
    return catalog.images.create(NewImage(name="debian", disk_format="raw", container_format="bare"))
