"""``POST /v2/images/{id}/locations``: data that lies on a web server becomes an image's, with real conductors."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from glimpse.testing.httpserver import HttpServer, Reply
from tests.engine import ADMIN, engine_in
from tests.integration.api.service import CONNECTION, auth, served
from tests.integration.imports.service import DEADLINE, SCRIPT, Service
from tests.integration.imports.service import OPTIONS as SERVICE_OPTIONS
from tests.servers.databases import Databases

ALICE = "alice:blue:member"
NOVA = "nova:services:service,admin"
DATA = os.urandom((3 << 20) + 17)
SHA256 = hashlib.sha256(DATA).hexdigest()
KNOWN = {"os_hash_algo": "sha256", "os_hash_value": SHA256}
TAGGED = {"ETag": '"one"'}

OPTIONS: Mapping[str, object] = {
    "DEFAULT.enabled_backends": {"main": "file", "web": "http"},
    "DEFAULT.http_retries": 1,
}


@pytest.fixture(scope="module")
def service(backend: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with served(Service, backend, tmp_path_factory.mktemp("locations"), OPTIONS) as running:
        running.conduct()
        yield running


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer({"/disk": Reply(DATA, ranges=True, headers=TAGGED), "/whole": Reply(DATA)}) as running:
        yield running


def post(
    service: Service,
    image_id: str,
    url: str,
    token: str | None = NOVA,
    *,
    validation_data: Mapping[str, str] | None = None,
) -> int:
    more = {} if validation_data is None else {"validation_data": validation_data}
    answer = service.http.post(
        f"/v2/images/{image_id}/locations", json={"url": url, **more}, headers=auth(token)
    )
    assert answer.status_code != 202 or answer.content == b""
    return answer.status_code


def task(service: Service, image_id: str) -> dict[str, Any]:
    """The image's newest task, as the Tasks API shows it."""
    listed = service.http.get(f"/v2/images/{image_id}/tasks").json()["tasks"]
    shown: dict[str, Any] = service.http.get(f"/v2/tasks/{listed[0]['id']}").json()
    return shown


def locations(service: Service, image_id: str) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = service.http.get(f"/v2/images/{image_id}/locations").json()
    return shown


def hashes(image: Mapping[str, object]) -> tuple[object, object, object]:
    return image["checksum"], image["os_hash_algo"], image["os_hash_value"]


def test_data_is_usable_at_once_and_hashed_afterwards(service: Service, server: HttpServer) -> None:
    reply = Reply(DATA, ranges=True, headers=TAGGED, stall_after=len(DATA) - 1)
    server.replies["/disk"] = reply
    image_id = service.create(ALICE)
    assert post(service, image_id, server.url("/disk"), ALICE) == 202
    service.wait(lambda: service.show(image_id)["status"] == "active", DEADLINE)
    usable = service.show(image_id)
    assert (usable["size"], usable["virtual_size"], hashes(usable)) == (
        len(DATA),
        len(DATA),
        (None, None, None),
    )
    assert usable["os_glance_import_task"] == service.record(image_id)["id"]
    server.replies["/disk"] = Reply(DATA, ranges=True, headers=TAGGED)
    assert service.http.get(f"/v2/images/{image_id}/file").content == DATA
    server.resume()
    assert service.ended(image_id)["status"] == "success"
    image = service.show(image_id)
    assert hashes(image) == (hashlib.md5(DATA).hexdigest(), "sha512", hashlib.sha512(DATA).hexdigest())
    assert "os_glance_import_task" not in image
    assert locations(service, image_id) == [{"url": server.url("/disk"), "metadata": {"store": "web"}}]


def test_it_is_a_task_that_administrators_can_look_up(service: Service, server: HttpServer) -> None:
    image_id = service.create()
    assert post(service, image_id, server.url("/disk") + "?signature=secret", validation_data=KNOWN) == 202
    service.ended(image_id)
    shown = task(service, image_id)
    assert (shown["type"], shown["status"], shown["image_id"]) == ("location_import", "success", image_id)
    assert shown["input"] == {
        "image_id": image_id,
        "loc_url": server.url("/disk") + "?***",
        "validation_data": KNOWN,
    }
    assert shown["result"] == {"image_id": image_id}


def test_data_with_a_known_hash_is_usable_when_that_is_right(service: Service, server: HttpServer) -> None:
    server.replies["/disk"] = Reply(DATA, ranges=True, headers=TAGGED, stall_after=len(DATA) - 1)
    image_id = service.create(ALICE)
    assert post(service, image_id, server.url("/disk"), ALICE, validation_data=KNOWN) == 202
    service.wait(server.stalled.is_set, DEADLINE)
    assert service.show(image_id)["status"] == "importing"
    assert post(service, image_id, server.url("/whole"), ALICE) == 409
    server.resume()
    assert service.ended(image_id)["status"] == "success"
    image = service.show(image_id)
    assert (image["status"], image["size"]) == ("active", len(DATA))
    assert hashes(image) == (hashlib.md5(DATA).hexdigest(), "sha256", SHA256)


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha512"])
def test_the_hash_may_be_of_another_algorithm(service: Service, server: HttpServer, algorithm: str) -> None:
    image_id = service.create()
    value = hashlib.new(algorithm, DATA).hexdigest()
    data = {"os_hash_algo": algorithm, "os_hash_value": value.upper()}
    assert post(service, image_id, server.url("/disk"), validation_data=data) == 202
    assert service.ended(image_id)["status"] == "success"
    assert hashes(service.show(image_id)) == (hashlib.md5(DATA).hexdigest(), algorithm, value)


def test_data_with_another_hash_leaves_the_image_queued(service: Service, server: HttpServer) -> None:
    image_id = service.create()
    wrong = {**KNOWN, "os_hash_value": "0" * 64}
    assert post(service, image_id, server.url("/disk"), validation_data=wrong) == 202
    record = service.ended(image_id)
    assert (record["status"], record["error"]["code"]) == ("failure", "hash-mismatch")
    assert SHA256 in record["message"]
    image = service.show(image_id)
    assert (image["status"], image["size"], hashes(image)) == ("queued", None, (None, None, None))
    assert locations(service, image_id) == []
    assert post(service, image_id, server.url("/disk"), validation_data=KNOWN) == 202
    assert service.ended(image_id)["status"] == "success"


def test_data_that_can_only_be_read_as_a_whole_is_read_first(
    service: Service, server: HttpServer, tmp_path: Path
) -> None:
    image_id = service.create()
    assert post(service, image_id, server.url("/whole")) == 202
    assert service.ended(image_id)["status"] == "success"
    assert service.show(image_id)["os_hash_value"] == hashlib.sha512(DATA).hexdigest()
    (tmp_path / "base").write_bytes(bytes(1 << 20))
    overlay = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", "base", "-F", "raw", "overlay"]
    subprocess.run(overlay, check=True, cwd=tmp_path)
    server.replies["/overlay"] = Reply(tmp_path / "overlay")
    unsafe = service.create(disk_format="qcow2")
    assert post(service, unsafe, server.url("/overlay")) == 202
    assert "unsafe qcow2" in service.ended(unsafe)["message"]
    assert service.show(unsafe)["status"] == "queued"


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=404),
        Reply(status=503),
        Reply(b""),
        Reply(DATA, truncate_after=100, announce=len(DATA)),
        Reply(DATA, silent=True),
    ],
)
def test_data_that_is_not_there_leaves_the_image_queued(
    service: Service, server: HttpServer, reply: Reply
) -> None:
    server.replies["/disk"] = reply
    image_id = service.create()
    assert post(service, image_id, server.url("/disk"), validation_data=KNOWN) == 202
    assert service.ended(image_id)["status"] == "failure"
    image = service.show(image_id)
    assert (image["status"], locations(service, image_id)) == ("queued", [])


def test_a_server_that_stumbles_is_asked_again(service: Service, server: HttpServer) -> None:
    server.replies["/whole"] = Reply(DATA, truncate_after=1 << 20, stall_after=1 << 20)
    image_id = service.create()
    assert post(service, image_id, server.url("/whole"), validation_data=KNOWN) == 202
    service.wait(server.stalled.is_set, DEADLINE)
    server.replies["/whole"] = Reply(DATA)
    server.resume()
    assert service.ended(image_id)["status"] == "success"
    assert service.show(image_id)["os_hash_value"] == SHA256


@pytest.mark.parametrize(
    "later", [Reply(status=404), Reply(DATA + b"!", ranges=True, headers={"ETag": '"two"'})]
)
def test_an_image_that_is_usable_stays_so_when_it_cannot_be_hashed(
    service: Service, server: HttpServer, later: Reply
) -> None:
    server.replies["/disk"] = Reply(
        DATA, ranges=True, headers=TAGGED, reset_after=2 << 20, stall_after=2 << 20
    )
    image_id = service.create()
    assert post(service, image_id, server.url("/disk")) == 202
    service.wait(server.stalled.is_set, DEADLINE)
    service.wait(lambda: service.show(image_id)["status"] == "active", DEADLINE)
    server.replies["/disk"] = later
    server.resume()
    record = service.ended(image_id)
    assert record["status"] == "success"
    assert "not hashed" in record["message"]
    image = service.show(image_id)
    assert (image["status"], hashes(image)) == ("active", (None, None, None))
    assert len(locations(service, image_id)) == 1


@pytest.mark.parametrize("known", [None, KNOWN])
def test_deleting_the_image_ends_its_hashing(
    service: Service, server: HttpServer, known: dict[str, str] | None
) -> None:
    server.replies["/disk"] = Reply(DATA, ranges=True, headers=TAGGED, stall_after=2 << 20)
    image_id = service.create()
    assert post(service, image_id, server.url("/disk"), validation_data=known) == 202
    service.wait(server.stalled.is_set, DEADLINE)
    record = service.record(image_id)["id"]
    assert service.http.delete(f"/v2/images/{image_id}").status_code == 204
    assert service.http.get(f"/v2/images/{image_id}").status_code == 404
    ended = service.catalog.imports.get(record)
    assert (ended.status, ended.message) == ("failure", "The image was deleted.")
    again = service.create()
    server.resume()
    assert post(service, again, server.url("/disk"), validation_data=KNOWN) == 202
    assert service.ended(again)["status"] == "success"


def test_who_may_give_which_addresses(service: Service, server: HttpServer) -> None:
    image_id = service.create(ALICE, visibility="community")
    assert post(service, image_id, server.url("/disk"), "bob:red:member") == 403
    for token in (ALICE, None):
        assert post(service, image_id, "rbd://a/b/c", token) == 403
        assert post(service, image_id, "file:///etc/passwd", token) == 403
    assert post(service, image_id, "file:///etc/passwd", NOVA) == 400
    for url in ("http://127.0.0.2/disk", "http://127.1/", "https://"):
        assert [post(service, image_id, url, token) for token in (ALICE, NOVA)] == [400, 400]
    bare = service.http.post("/v2/images", json={}).json()["id"]
    assert post(service, bare, server.url("/disk")) == 409
    assert post(service, service.active(DATA), server.url("/disk")) == 409
    assert service.show(image_id)["status"] == "queued"


@pytest.mark.parametrize(
    "point", ["inside:hash", "called:activate", "called:commit_target", "called:succeed"]
)
def test_another_conductor_finishes_what_a_dead_one_began(
    tmp_path: Path, url: str, server: HttpServer, point: str
) -> None:
    options = {**OPTIONS, CONNECTION: url, "glimpse.claim_lease": 1.0, "glimpse.heartbeat": 0.2}
    with engine_in(tmp_path / "data", options) as engine:
        image = engine.create()
        record = engine.service.register(image, "web", server.url("/disk"), None, ADMIN)
        source = {"files": [], "data": str(engine.settings.data), "overrides": {**SERVICE_OPTIONS, **options}}
        died = subprocess.run([sys.executable, SCRIPT, point, json.dumps(source)], timeout=60, check=False)
        assert died.returncode == -signal.SIGKILL
        with engine.conducting():
            assert engine.ended(record).status == "success"
        active = engine.catalog.images.get(image.id)
        assert (active.status, active.size, active.import_id) == ("active", len(DATA), None)
        assert active.os_hash_value == hashlib.sha512(DATA).hexdigest()
        assert [where.store for where in active.locations] == ["web"]


@pytest.mark.parametrize(("known", "value"), [(None, None), ({**KNOWN, "os_hash_value": "0" * 64}, "0" * 64)])
def test_without_secure_hash_what_is_said_is_taken_as_it_is(
    tmp_path: Path, server: HttpServer, known: dict[str, str] | None, value: str | None
) -> None:
    with engine_in(tmp_path / "data", {**OPTIONS, "DEFAULT.do_secure_hash": False}) as engine:
        image = engine.create()
        record = engine.service.register(image, "web", server.url("/disk"), known, ADMIN)
        with engine.conducting():
            assert engine.ended(record).status == "success"
        active = engine.catalog.images.get(image.id)
        assert (active.status, active.size, active.checksum) == ("active", len(DATA), None)
        assert active.os_hash_value == value


def test_an_address_that_kills_every_conductor_is_given_up(tmp_path: Path, server: HttpServer) -> None:
    with engine_in(tmp_path / "data", {**OPTIONS, "glimpse.claim_lease": 0.1}) as engine:
        image = engine.create()
        record = engine.service.register(image, "web", server.url("/disk"), KNOWN, ADMIN)
        for worker in range(5):
            wait_until(lambda: engine.catalog.imports.unclaimed(engine.settings.host_id))
            engine.catalog.imports.claim(record.id, f"dead-{worker}", 0.1)
        with engine.conducting():
            ended = engine.ended(record)
        assert ended.error is not None
        assert (ended.status, ended.error["code"]) == ("failure", "brings-down")
        assert engine.catalog.images.get(image.id).status == "queued"


def wait_until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)
