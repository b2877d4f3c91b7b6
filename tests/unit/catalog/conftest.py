"""A catalog on a real file for each test, with a clock of its own."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from glimpse.catalog import Catalog, Database
from glimpse.catalog.records import Image, NewImage
from tests.unit.catalog.clock import Clock


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty catalog; copying it is faster than running the migrations for each test."""
    path = tmp_path_factory.mktemp("catalog") / "empty.db"
    db = Database(f"sqlite:///{path}")
    db.upgrade()
    db.close()
    return path


@pytest.fixture
def url(empty_file: Path, tmp_path: Path) -> str:
    path = tmp_path / "glimpse.db"
    shutil.copy(empty_file, path)
    return f"sqlite:///{path}"


@pytest.fixture
def db(url: str) -> Iterator[Database]:
    db = Database(url)
    yield db
    db.close()


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
