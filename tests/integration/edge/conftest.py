"""Services that others than friends reach; their database makes no difference, so it is SQLite."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.integration.api.service import Api

Start = Callable[[Mapping[str, object]], Api]


@pytest.fixture(scope="package")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """One service with the embedded defaults, for all tests that do not need their own."""
    with Api(tmp_path_factory.mktemp("edge")) as running:
        yield running


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a service with options of its own; it ends with the test."""
    with ExitStack() as stack:
        yield lambda overrides: stack.enter_context(Api(tmp_path / "data", overrides))
