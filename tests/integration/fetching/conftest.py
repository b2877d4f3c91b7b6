"""One service in one internet for all tests of fetching; each test gives names and servers to that."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from glimpse.testing.authority import Authority
from glimpse.testing.httpserver import HttpServer
from tests.integration.fetching.world import GOOD, Walled
from tests.servers.internet import NAME_SERVER, Internet
from tests.servers.nameserver import NameServer, at

Listen = Callable[..., HttpServer]


@pytest.fixture(scope="package")
def internet() -> Iterator[Internet]:
    with Internet() as running:
        yield running


@pytest.fixture(scope="package")
def names(internet: Internet) -> Iterator[NameServer]:
    """The name server. ``example.org`` and what tests add."""
    with NameServer(internet.datagrams(NAME_SERVER, 53), {"example.org": at(GOOD)}) as running:
        yield running


@pytest.fixture(scope="package")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The one that the service trusts."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="package")
def trap(internet: Internet) -> Iterator[HttpServer]:
    """Answers at every address at which nobody else does, whatever kind of address it is."""
    with HttpServer(listener=internet.listen("::", 80)) as running:
        yield running


@pytest.fixture(scope="package")
def service(
    internet: Internet,
    names: NameServer,
    authority: Authority,
    trap: HttpServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Walled]:
    with Walled(internet, authority.certificate, tmp_path_factory.mktemp("walled") / "data") as running:
        running.conduct()
        yield running


@pytest.fixture
def serve(internet: Internet) -> Iterator[Listen]:
    """Starts a web server in the internet, which ends with the test."""
    with ExitStack() as stack:

        def begin(replies: object, host: str = GOOD, port: int = 80, **how: object) -> HttpServer:
            server = HttpServer(replies, listener=internet.listen(host, port), **how)  # type: ignore[arg-type]
            return stack.enter_context(server)

        yield begin


@pytest.fixture(autouse=True)
def nothing_before(internet: Internet, service: Walled) -> None:
    """What earlier tests have dialled is forgotten."""
    internet.watch.forget()
