"""A Keystone that all tests share, and services that believe it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.integration.api.service import Api
from tests.servers.fixtures import backend, meeting
from tests.servers.identity import Identity
from tests.servers.keystone import authtoken
from tests.servers.shared import shared

__all__ = ["backend", "meeting"]

Start = Callable[..., Api]

CONFIGURATION = """\
[DEFAULT]
enabled_backends = main:file
{options}
[glance_store]
default_backend = main
[os_glance_staging_store]
[main]
filesystem_store_datadir = {directory}/stores/main
[paste_deploy]
flavor = {flavor}
{sections}
"""


def configuration(directory: Path, flavor: str, sections: str = "", options: str = "") -> Path:
    """A file for a service in ``directory`` with this kind of authentication."""
    path = directory / "glance-api.conf"
    directory.mkdir(parents=True, exist_ok=True)
    path.write_text(
        CONFIGURATION.format(directory=directory, flavor=flavor, sections=sections, options=options)
    )
    return path


@pytest.fixture(scope="session")
def identity(meeting: Path) -> Iterator[Identity]:
    """Keystone, asked by nobody."""
    with shared("keystone", meeting) as url:
        yield Identity(url)


@pytest.fixture(scope="session")
def operator(identity: Identity) -> Identity:
    """Keystone, asked by its administrator."""
    return identity.as_user("admin")


@pytest.fixture(scope="package")
def api(tmp_path_factory: pytest.TempPathFactory, identity: Identity) -> Iterator[Api]:
    """A service for all tests that do not need their own."""
    directory = tmp_path_factory.mktemp("keystone")
    file = configuration(directory, "keystone+cachemanagement", authtoken(identity.url))
    with Api(directory, configuration=file) as running:
        yield running


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts services of a test's own; they end with it."""
    with ExitStack() as stack:

        def begin(flavor: str, sections: str = "", options: str = "", name: str = "data") -> Api:
            directory = tmp_path / name
            file = configuration(directory, flavor, sections, options)
            return stack.enter_context(Api(directory, configuration=file))

        yield begin
