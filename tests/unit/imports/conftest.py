"""A whole import engine in one process, and a disk image to import."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine import Disk, Engine, engine_in, make_disk


@pytest.fixture
def engine(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Engine]:
    """The engine with embedded defaults; parametrise indirectly with a dict of overrides."""
    with engine_in(tmp_path / "data", getattr(request, "param", {})) as engine:
        yield engine


@pytest.fixture(scope="session")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Disk:
    """A small disk image."""
    return make_disk(tmp_path_factory.mktemp("disk"))
