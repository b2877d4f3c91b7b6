"""Services for the tests of the HTTP API, on each kind of database in turn."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.integration.api.service import CONNECTION, Api, served
from tests.servers.databases import Databases

Start = Callable[..., Api]


@pytest.fixture(scope="package")
def api(backend: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """One service with the embedded defaults, for all tests that do not need their own."""
    with served(Api, backend, tmp_path_factory.mktemp("api")) as running:
        yield running


@pytest.fixture
def start(tmp_path: Path, url: str) -> Iterator[Start]:
    """Starts a service with options of its own; it ends with the test."""
    with ExitStack() as stack:

        def begin(overrides: Mapping[str, object] | None = None, configuration: Path | None = None) -> Api:
            options = {CONNECTION: url, **(overrides or {})}
            return stack.enter_context(Api(tmp_path / "data", options, configuration))

        yield begin
