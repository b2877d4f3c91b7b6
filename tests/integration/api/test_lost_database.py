"""A database server that breaks connections, restarts or stays away while the API serves."""

import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from sqlalchemy import make_url

from tests.integration.api.service import CONNECTION, V21, Api
from tests.servers.databases import POSTGRESQL, SERVERS
from tests.servers.proxy import Proxy
from tests.servers.server import USER, DatabaseServer, administer
from tests.servers.shared import KINDS

READERS, WRITERS = 4, 4
# As the drivers send it, which tells it from READ COMMITTED.
COMMIT = {"postgresql": b"COMMIT\0", "mysql": b"\x03COMMIT"}
# What goes over the wire for a statement that PostgreSQL keeps.
KEPT = b"_pg3_"


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[DatabaseServer]:
    """One that nobody else uses, so that it may be hurt."""
    with KINDS[request.param]() as running:
        yield running


@pytest.fixture(scope="module")
def proxy(server: DatabaseServer) -> Iterator[Proxy]:
    """The wire between the service and its database."""
    with Proxy(server.port) as wire:
        yield wire


@pytest.fixture(scope="module")
def service(server: DatabaseServer, proxy: Proxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """One api process: a connection that was not broken is not used by chance."""
    url = make_url(server.url()).set(port=proxy.port).render_as_string(hide_password=False)
    with Api(tmp_path_factory.mktemp("service"), {CONNECTION: url}) as running:
        yield running


def kill_all(server: DatabaseServer) -> None:
    """End every connection but the administrator's, as an administrator would."""
    if server.name == POSTGRESQL:
        others = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        administer(
            server.url(), f"{others} WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
    else:
        administer(
            server.url(),
            "BEGIN NOT ATOMIC FOR each_one IN (SELECT id FROM information_schema.processlist"
            f" WHERE user = '{USER}' AND id <> CONNECTION_ID()) DO KILL each_one.id; END FOR; END",
        )


def rename(service: Api, image_id: str, name: str) -> httpx.Response:
    change = [{"op": "replace", "path": "/name", "value": name}]
    return service.http.patch(f"/v2/images/{image_id}", json=change, headers=V21)


def test_connections_that_were_ended_are_replaced(service: Api, server: DatabaseServer) -> None:
    image_id = service.create(name="old")
    asked: list[Callable[[], httpx.Response]] = [
        lambda: service.http.get(f"/v2/images/{image_id}"),
        lambda: service.http.get("/v2/images"),
        lambda: rename(service, image_id, "new"),
        lambda: service.http.post("/v2/images", json={}),
        lambda: service.http.delete(f"/v2/images/{image_id}"),
    ]
    for ask in asked:
        kill_all(server)
        assert ask().status_code in (200, 201, 204)


@pytest.mark.parametrize("reaches", [True, False])
def test_reading_is_done_again_wherever_it_broke(service: Api, proxy: Proxy, reaches: bool) -> None:
    image_id = service.create()
    dialect = service.catalog.db.dialect
    kept = KEPT if dialect == "postgresql" else b"SELECT"
    paths = {
        f"/v2/images/{image_id}": kept,
        "/v2/images?limit=3": kept,
        f"/v2/images/{image_id}/members": b"SELECT",
    }
    for path, read in paths.items():
        cuts = proxy.cuts
        proxy.cut_at(read, reaches=reaches)
        assert service.http.get(path).status_code == 200
        assert proxy.cuts == cuts + 1, path
        proxy.cut_at(COMMIT[dialect], reaches=reaches)
        assert service.http.get(path).status_code == 200


@pytest.mark.parametrize("reaches", [True, False])
def test_a_change_whose_outcome_is_unknown_is_told_as_that(service: Api, proxy: Proxy, reaches: bool) -> None:
    image_id = service.create(name="old")
    proxy.cut_at(COMMIT[service.catalog.db.dialect], reaches=reaches)
    new = str(uuid.uuid4())
    answer = service.http.post("/v2/images", json={"id": new}, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "look whether it was made" in answer.json()["message"]
    service.wait(lambda: service.http.get(f"/v2/images/{new}").status_code == (200 if reaches else 404))
    assert service.http.post("/v2/images", json={"id": new}).status_code == (409 if reaches else 201)
    # Before anything was sent to be kept, the change is made again.
    proxy.cut_at(b"UPDATE", reaches=reaches)
    assert rename(service, image_id, "new").status_code == 200
    assert service.show(image_id)["name"] == "new"


def test_a_restart_costs_time_and_nothing_else(service: Api, server: DatabaseServer) -> None:
    image_id = service.create()
    begun, over = threading.Barrier(READERS + WRITERS + 1), threading.Event()
    made: list[str] = []

    def read() -> int:
        count = 0
        with httpx.Client(base_url=service.url, timeout=60) as http:
            begun.wait(30)
            while not over.is_set():
                for path in (f"/v2/images/{image_id}", "/v2/images"):
                    answer = http.get(path)
                    assert answer.status_code == 200, answer.text
                count += 1
        return count

    def write() -> int:
        count = 0
        with httpx.Client(base_url=service.url, timeout=60) as http:
            begun.wait(30)
            while not over.is_set():
                new, again = str(uuid.uuid4()), False
                while (status := http.post("/v2/images", json={"id": new}).status_code) == 503:
                    again = True
                assert status == 201 or (again and status == 409)
                made.append(new)
                count += 1
        return count

    with ThreadPoolExecutor(READERS + WRITERS) as pool:
        running = [pool.submit(work) for work in [read] * READERS + [write] * WRITERS]
        try:
            begun.wait(30)
            server.stop()
            server.start()
            before = len(made)
            service.wait(lambda: len(made) > before + 2 * WRITERS or any(each.done() for each in running), 30)
        finally:
            over.set()
        assert all(done.result(60) for done in running)
    for new in made:
        assert service.http.get(f"/v2/images/{new}").status_code == 200


def test_one_that_stays_away_is_told_and_then_forgotten(service: Api, server: DatabaseServer) -> None:
    image_id = service.create()
    server.stop()
    try:
        with ThreadPoolExecutor(2) as pool:
            asked = [
                pool.submit(service.http.get, f"/v2/images/{image_id}"),
                pool.submit(service.http.post, "/v2/images", json={}),
            ]
            for answer in asked:
                got = answer.result(60)
                assert (got.status_code, got.headers["retry-after"]) == (503, "5")
                assert "s3cret" not in got.text
        assert service.http.get("/").status_code == 300
    finally:
        server.start()
    assert service.http.get(f"/v2/images/{image_id}").status_code == 200
