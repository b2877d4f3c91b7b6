"""Imports through the public door: a real api process, real conductors, real disks and real sources."""

import hashlib
import os
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from glimpse.testing.httpserver import HttpServer, Reply
from glimpse.testing.smalldisk import small_disk
from tests.engine import Disk, make_disk
from tests.integration.api.service import CONNECTION, V21, Upload, served
from tests.integration.imports.service import Service
from tests.servers.databases import Databases

Start = Callable[..., Service]
DATA = os.urandom(1 << 20) + bytes(1 << 20) + os.urandom(1 << 20)


@pytest.fixture
def start(tmp_path: Path, url: str) -> Iterator[Start]:
    with ExitStack() as stack:

        def begin(overrides: Mapping[str, object] | None = None) -> Service:
            return stack.enter_context(Service(tmp_path / "data", {CONNECTION: url, **(overrides or {})}))

        yield begin


@pytest.fixture(scope="module")
def shared(backend: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service with embedded defaults and one conductor."""
    with served(Service, backend, tmp_path_factory.mktemp("service")) as service:
        service.conduct()
        yield service


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Disk:
    return make_disk(tmp_path_factory.mktemp("disk"))


def files_of(service: Service, image_id: str) -> set[str]:
    return {name for name in service.files() if image_id in name}


def test_a_packed_qcow2_is_staged_converted_and_delivered_to_two_stores(shared: Service, disk: Disk) -> None:
    image_id = shared.create(disk_format="qcow2")
    assert shared.put(image_id, disk.packed, "stage").status_code == 204
    assert shared.begin(image_id, all_stores=True) == 202
    record = shared.ended(image_id)
    assert record["status"] == "success", record
    assert {store["store"]: store["state"] for store in record["stores"]} == {
        "main": "committed",
        "mirror": "committed",
    }
    assert {phase["state"] for phase in record["phases"]} == {"done"}
    image = shared.show(image_id)
    assert (image["status"], image["disk_format"], image["size"]) == ("active", "raw", len(disk.raw))
    assert image["os_hash_value"] == hashlib.sha512(disk.raw).hexdigest()
    assert image["stores"] == "main,mirror"
    assert shared.http.get(f"/v2/images/{image_id}/file").content == disk.raw
    assert files_of(shared, image_id) == {f"stores/main/{image_id}", f"stores/mirror/{image_id}"}
    tasks = shared.http.get(f"/v2/images/{image_id}/tasks").json()["tasks"]
    assert [(task["id"], task["status"]) for task in tasks] == [(record["id"], "success")]


def test_a_download_shows_how_far_it_is(shared: Service) -> None:
    image_id = shared.create()
    with HttpServer({"/image": Reply(DATA, stall_after=2 << 20)}) as source:
        assert shared.begin(image_id, "web-download", uri=source.url("/image")) == 202
        assert source.stalled.wait(20)
        image = shared.show(image_id)
        assert image["status"] == "importing"
        assert image["os_glance_importing_to_stores"] == "main"
        assert image["os_glance_import_task"] == shared.record(image_id)["id"]

        def acquired() -> bool:
            phases = {phase["name"]: phase for phase in shared.record(image_id)["phases"]}
            acquire = phases.get("acquire", {"done": 0, "total": None})
            return bool(acquire["done"] >= 1 << 20 and acquire["total"] == len(DATA))

        shared.wait(acquired)
        source.resume()
        assert shared.ended(image_id)["status"] == "success"
    image = shared.show(image_id)
    assert "os_glance_import_task" not in image
    assert image["os_hash_value"] == hashlib.sha512(DATA).hexdigest()


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(status=404), "HTTP 404"),
        (Reply(DATA, reset_after=1 << 20), "connection"),
        (Reply(DATA, announce=len(DATA) + 1), str(len(DATA) + 1)),
        (Reply(silent=True), "2"),
        (Reply(DATA, speed=100), "fewer than 1024"),
        (Reply(redirect="http://169.254.169.254/"), "169.254.169.254"),
        (Reply(redirect="http://127.0.0.2/"), "127.0.0.2"),
        (Reply(b"\x1f\x8b\x08\x00" + os.urandom(4096)), "gzip"),
    ],
    ids=["404", "reset", "short", "silent", "trickle", "metadata", "loopback", "corrupt"],
)
def test_a_bad_source_is_explained_and_the_image_can_be_imported_again(
    shared: Service, reply: Reply, words: str
) -> None:
    image_id = shared.create()
    with HttpServer({"/bad": reply, "/good": Reply(DATA)}) as source:
        assert shared.begin(image_id, "web-download", uri=source.url("/bad"), all_stores=True) == 202
        record = shared.ended(image_id)
        assert record["status"] == "failure"
        assert words in record["message"]
        assert record["error"]["message"] == record["message"]
        [task] = shared.http.get(f"/v2/images/{image_id}/tasks").json()["tasks"]
        assert (task["status"], task["message"]) == ("failure", record["message"])
        image = shared.show(image_id)
        assert (image["status"], image["size"]) == ("queued", None)
        assert image["os_glance_failed_import"] == "main,mirror"
        assert image["os_glance_importing_to_stores"] == ""
        assert files_of(shared, image_id) == set()
        assert shared.begin(image_id, "web-download", uri=source.url("/good")) == 202
        assert shared.ended(image_id)["status"] == "success"
    assert shared.http.get(f"/v2/images/{image_id}/file").content == DATA


@pytest.mark.parametrize(
    ("option", "what"), [("backing_file", "backing file"), ("data_file", "external file")]
)
def test_a_qcow2_that_refers_to_other_files_does_not_get_in(
    shared: Service, tmp_path: Path, option: str, what: str
) -> None:
    base, evil = tmp_path / "base", tmp_path / "evil"
    base.write_bytes(bytes(1 << 20))
    command = ["qemu-img", "create", "-q", "-f", "qcow2"]
    if option == "backing_file":
        command += ["-b", str(base), "-F", "raw", str(evil)]
    else:
        command += ["-o", f"data_file={tmp_path / 'data'},data_file_raw=on", str(evil), "1M"]
    subprocess.run(command, check=True)
    image_id = shared.create(disk_format="qcow2")
    assert shared.put(image_id, evil.read_bytes(), "stage").status_code == 204
    assert shared.begin(image_id) == 202
    record = shared.ended(image_id)
    assert record["status"] == "failure"
    assert what in record["message"]
    assert record["error"]["code"] == "unsafe-image"
    assert shared.show(image_id)["status"] == "queued"
    assert files_of(shared, image_id) == set()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ([], 400),
        ({}, 400),
        ({"method": "glance-direct"}, 400),
        ({"method": {"name": "glance-direct"}, "all_stores": "yes"}, 400),
        ({"method": {"name": "glance-direct"}, "stores": "main"}, 409),
        ({"method": {"name": "web-download", "uri": "http://127.0.0.1/"}, "stores": "main"}, 400),
        ({"method": {"name": "web-download", "uri": "http://127.0.0.1/"}, "stores": []}, 400),
        ({"method": {"name": "no-such-method"}}, 400),
        ({"method": {"name": "glance-direct"}}, 409),
        ({"method": {"name": "web-download"}}, 400),
        ({"method": {"name": "web-download", "uri": 7}}, 400),
        ({"method": {"name": "web-download", "uri": "ftp://127.0.0.1/x"}}, 400),
        ({"method": {"name": "web-download", "uri": "http://169.254.169.254/"}}, 400),
        ({"method": {"name": "web-download", "uri": "http://localhost/"}}, 400),
        ({"method": {"name": "web-download", "uri": "http://127.0.0.1/"}, "stores": ["nowhere"]}, 409),
        (
            {
                "method": {"name": "web-download", "uri": "http://127.0.0.1/"},
                "all_stores": True,
                "stores": ["main"],
            },
            400,
        ),
    ],
)
def test_a_request_that_cannot_work_is_refused_in_the_call(
    shared: Service, body: object, status: int
) -> None:
    image_id = shared.create()
    answer = shared.http.post(f"/v2/images/{image_id}/import", json=body)
    assert answer.status_code == status, answer.text
    assert shared.show(image_id)["status"] == "queued"
    assert "os_glance_import_task" not in shared.show(image_id)


def test_two_imports_of_one_image_at_once(shared: Service) -> None:
    image_id = shared.create()
    with HttpServer({"/image": Reply(DATA, stall_after=4096)}) as source:
        codes: list[int] = []
        threads = [
            threading.Thread(
                target=lambda: codes.append(shared.begin(image_id, "web-download", uri=source.url("/image")))
            )
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(codes) == [202, 409, 409, 409]
        source.resume()
        assert shared.ended(image_id)["status"] == "success"


def test_a_patch_while_an_import_runs_is_kept(shared: Service) -> None:
    image_id = shared.create(before="kept")
    with HttpServer({"/image": Reply(DATA, stall_after=4096)}) as source:
        assert shared.begin(image_id, "web-download", uri=source.url("/image")) == 202
        assert source.stalled.wait(20)
        patch = [
            {"op": "add", "path": "/during", "value": "kept too"},
            {"op": "replace", "path": "/name", "value": "renamed"},
        ]
        answer = shared.http.patch(f"/v2/images/{image_id}", json=patch, headers=V21)
        assert answer.status_code == 200, answer.text
        forbidden = [{"op": "replace", "path": "/os_glance_importing_to_stores", "value": ""}]
        assert shared.http.patch(f"/v2/images/{image_id}", json=forbidden, headers=V21).status_code == 403
        source.resume()
        assert shared.ended(image_id)["status"] == "success"
    image = shared.show(image_id)
    assert (image["status"], image["name"]) == ("active", "renamed")
    assert (image["before"], image["during"]) == ("kept", "kept too")


def test_deleting_an_image_ends_its_import(shared: Service) -> None:
    image_id = shared.create()
    with HttpServer({"/image": Reply(DATA, stall_after=2 << 20)}) as source:
        assert shared.begin(image_id, "web-download", uri=source.url("/image")) == 202
        assert source.stalled.wait(20)
        assert shared.http.delete(f"/v2/images/{image_id}").status_code == 204
        shared.wait(lambda: not files_of(shared, image_id))
        shared.wait(lambda: not shared.catalog.jobs.list())
    assert shared.http.get(f"/v2/images/{image_id}").status_code == 404


def test_a_killed_conductor_is_followed_by_another(start: Start, disk: Disk) -> None:
    service = start()
    image_id = service.create(disk_format="qcow2")
    with HttpServer({"/image": Reply(disk.packed)}) as source:
        assert service.begin(image_id, "web-download", uri=source.url("/image"), all_stores=True) == 202
        dying = service.conduct("inside:deliver")
        assert dying.wait(30) == -9
        service.conductors.remove(dying)
        service.conduct()
        assert service.ended(image_id)["status"] == "success"
    assert service.http.get(f"/v2/images/{image_id}/file").content == disk.raw
    assert files_of(service, image_id) == {f"stores/main/{image_id}", f"stores/mirror/{image_id}"}


@pytest.mark.parametrize("kind", ["file", "stage"])
def test_an_upload_whose_api_process_is_killed_is_put_back(start: Start, kind: str) -> None:
    service = start()
    service.conduct()
    image_id = service.create()
    upload = Upload(service, image_id, kind, Content_Length=str(64 << 20))
    upload.send(bytes(8 << 20))
    service.wait(lambda: files_of(service, image_id))
    for worker in service.workers():
        worker.kill()
    service.wait(lambda: service.catalog.images.get(image_id).status == "queued", 20)
    service.wait(lambda: not files_of(service, image_id), 20)
    upload.close()
    service.wait(service._answers, 20)
    assert service.put(image_id, DATA).status_code == 204
    assert service.http.get(f"/v2/images/{image_id}/file").content == DATA


def test_a_full_store_fails_the_import_and_leaves_nothing(start: Start) -> None:
    with small_disk(1 << 20) as full:
        service = start(
            {
                "DEFAULT.enabled_backends": {"main": "file", "small": "file"},
                "glance_store.default_backend": "main",
                "small.filesystem_store_datadir": str(full / "store"),
            }
        )
        service.conduct()
        image_id = service.create()
        with HttpServer({"/image": Reply(DATA, chunk=65536)}) as source:
            uri = source.url("/image")
            assert service.begin(image_id, "web-download", uri=uri, all_stores=True) == 202
            record = service.ended(image_id)
            assert record["status"] == "failure"
            assert record["error"]["code"] == "delivery-failed"
            assert "small" in record["message"]
            assert service.show(image_id)["status"] == "queued"
            assert files_of(service, image_id) == set()
            assert not list((full / "store").iterdir())
            body = {"all_stores": True, "all_stores_must_succeed": False}
            assert service.begin(image_id, "web-download", uri=uri, **body) == 202
            assert service.ended(image_id)["status"] == "success"
        image = service.show(image_id)
        assert (image["stores"], image["os_glance_failed_import"]) == ("main", "small")
        assert not list((full / "store").iterdir())


def test_a_full_staging_area_fails_the_import_and_leaves_nothing(start: Start, disk: Disk) -> None:
    with small_disk(1 << 20) as full:
        service = start({"os_glance_staging_store.filesystem_store_datadir": str(full / "staging")})
        service.conduct()
        image_id = service.create(disk_format="qcow2")
        assert service.put(image_id, disk.packed, "stage").status_code == 413
        assert service.show(image_id)["status"] == "queued"
        with HttpServer({"/image": Reply(disk.packed)}) as source:
            assert service.begin(image_id, "web-download", uri=source.url("/image")) == 202
            record = service.ended(image_id)
        assert record["status"] == "failure"
        assert record["error"]["stage"] == "acquire"
        assert "space" in record["message"]
        assert service.show(image_id)["status"] == "queued"
        assert not list((full / "staging").iterdir())


def test_only_who_may_know_is_told_where_the_bytes_are(shared: Service) -> None:
    token = {"X-Auth-Token": "ann:alpha:member"}
    image_id = shared.create("ann:alpha:member")
    assert shared.put(image_id, DATA, "stage").status_code == 204
    assert shared.begin(image_id) == 202
    [store] = shared.ended(image_id)["stores"]
    assert store["url"].endswith(f"stores/main/{image_id}")
    answer = shared.http.get(f"/v2/images/{image_id}/import", headers=token)
    assert answer.status_code == 200
    assert answer.json()["stores"] == [{"store": "main", "state": "committed"}]
