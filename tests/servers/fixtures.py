"""Fixtures that give each test all databases in turn. A conftest imports those that it wants to offer."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from glimpse.catalog import Database
from tests.servers.databases import ALL, Databases, databases


@pytest.fixture(scope="session")
def meeting(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A directory that all processes of this test session share."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if hasattr(request.config, "workerinput") else base) / "servers"


@pytest.fixture(scope="session", params=ALL)
def backend(
    request: pytest.FixtureRequest, meeting: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Databases]:
    """Each kind of database in turn."""
    with databases(request.param, meeting, tmp_path_factory.mktemp(request.param)) as made:
        yield made


@pytest.fixture
def url(backend: Databases) -> str:
    """A database with empty tables."""
    return backend.fresh()


@pytest.fixture
def empty_url(backend: Databases) -> Iterator[str]:
    """A database without tables, to be made and changed at will."""
    url = backend.empty()
    yield url
    backend.drop(url)


@pytest.fixture(scope="session")
def crowded(backend: Databases) -> Iterator[Database]:
    """A database with 100,000 images, for reading only; what is in it says :mod:`tests.crowd`."""
    db = Database(backend.crowded())
    yield db
    db.close()


@pytest.fixture
def open_database() -> Iterator[Callable[[str], Database]]:
    """Opens databases that are closed after the test."""
    opened: list[Database] = []

    def open_one(url: str) -> Database:
        opened.append(Database(url))
        return opened[-1]

    yield open_one
    for db in opened:
        db.close()


@pytest.fixture
def db(url: str, open_database: Callable[[str], Database]) -> Database:
    """An open database with empty tables."""
    return open_database(url)
