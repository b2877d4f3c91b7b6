"""Connections that break: while they rest, in the middle of a transaction, and during its commit."""

import time
from collections.abc import Callable

import pytest
from sqlalchemy import Connection, make_url

from glimpse.catalog import Catalog, Database, engines
from glimpse.catalog.faults import OutcomeUnknown
from glimpse.catalog.records import NewImage
from tests.integration.catalog.harm import Counting, backend_id, count, kill
from tests.servers.proxy import Proxy
from tests.unit.catalog.writers import COUNTER, raise_counter

Open = Callable[[str], Database]
# As the drivers send it, which tells it from READ COMMITTED.
COMMIT = {"postgresql": b"COMMIT\0", "mysql": b"\x03COMMIT"}


@pytest.fixture
def db(url: str, open_database: Open) -> Database:
    return open_database(url)


@pytest.mark.parametrize("rested", [0.0, 3600.0])
def test_connections_that_broke_while_resting_are_replaced(
    db: Database, url: str, monkeypatch: pytest.MonkeyPatch, rested: float
) -> None:
    """Those that are asked before use (0 seconds), and those that are trusted."""
    monkeypatch.setattr(engines, "RESTED_SECONDS", rested)
    with db.read() as first, db.read() as second, db.write() as third:
        numbers = [backend_id(conn) for conn in (first, second, third)]
    for number in numbers:
        kill(number, url)
    catalog = Catalog(db)
    assert catalog.images.get(COUNTER).min_ram == 0
    assert catalog.images.create(NewImage()).status == "queued"


def test_a_transaction_that_broke_in_the_middle_is_run_again(db: Database, url: str) -> None:
    class Killed(Counting):
        def harm(self, conn: Connection) -> None:
            kill(backend_id(conn), url)

    work = Killed()
    db.run(work, writes=True)
    assert work.runs == 2
    assert count(db) == 1


def test_reading_is_run_again(db: Database, url: str) -> None:
    runs = []

    def read(conn: Connection) -> int:
        runs.append(conn)
        if len(runs) == 1:
            kill(backend_id(conn), url)
        return int(conn.exec_driver_sql("SELECT 7").scalar_one())

    assert db.run(read) == 7
    assert len(runs) == 2


@pytest.fixture
def wire(url: str) -> tuple[Proxy, str]:
    """A wire to the server, and the URL that leads through it."""
    port = make_url(url).port
    assert port is not None
    proxy = Proxy(port)
    through = make_url(url).set(port=proxy.port).render_as_string(hide_password=False)
    return proxy, through


@pytest.mark.parametrize("reaches", [True, False])
def test_a_commit_without_an_answer_is_not_repeated(
    db: Database, wire: tuple[Proxy, str], open_database: Open, reaches: bool
) -> None:
    proxy, through = wire
    shaky = open_database(through)
    with proxy:
        # Making a connection has commits of its own.
        assert count(shaky) == 0
        proxy.cut_at(COMMIT[shaky.dialect], reaches=reaches)
        with pytest.raises(OutcomeUnknown, match="look whether it was made"):
            shaky.run(raise_counter, writes=True)
        assert proxy.cuts == 1
        wait_for(lambda: count(db) == reaches)


@pytest.mark.parametrize("reaches", [True, False])
def test_what_is_harmless_is_repeated_even_then(
    db: Database, wire: tuple[Proxy, str], open_database: Open, reaches: bool
) -> None:
    proxy, through = wire
    runs = []

    def work(conn: Connection) -> None:
        runs.append(conn)
        raise_counter(conn)

    shaky = open_database(through)
    with proxy:
        # Making a connection has commits of its own.
        assert count(shaky) == 0
        proxy.cut_at(COMMIT[shaky.dialect], reaches=reaches)
        shaky.run(work, writes=True, harmless=True)
        assert len(runs) == 2
        assert count(db) == (2 if reaches else 1)


def wait_for(condition: Callable[[], bool]) -> None:
    """The server may still be busy with what it was told last."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
