"""Fixtures of the tests of sources."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from glimpse.testing.httpserver import HttpServer, Reply
from tests.unit.transfer.sources.download import DATA

Serve = Callable[..., str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a server with one reply at ``/disk`` and gives its URL."""
    servers: list[HttpServer] = []

    def start(body: bytes | Path = DATA, **faults: Any) -> str:
        server = HttpServer({"/disk": Reply(body, **faults)})
        server.__enter__()
        servers.append(server)
        return server.url("/disk")

    yield start
    for server in servers:
        server.close()
