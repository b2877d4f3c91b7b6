"""Uploads into a store and into staging: whole, and in every way that is not."""

import hashlib
import os
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.integration.api.conftest import Start
from tests.integration.api.service import BYTES, V21, Api, Upload, auth

DATA = os.urandom(3_000_001)
KINDS = pytest.mark.parametrize("kind", ["file", "stage"])


def test_uploaded_data_makes_the_image_active(api: Api) -> None:
    image_id = api.active(DATA)
    shown = api.show(image_id)
    assert (shown["status"], shown["size"], shown["virtual_size"]) == ("active", len(DATA), len(DATA))
    assert shown["checksum"] == hashlib.md5(DATA).hexdigest()
    assert shown["os_hash_algo"] == "sha512"
    assert shown["os_hash_value"] == hashlib.sha512(DATA).hexdigest()
    assert shown["stores"] == "main"
    assert (api.data / "stores" / "main" / image_id).read_bytes() == DATA
    assert api.put(image_id, DATA).status_code == 409
    assert api.http.get(f"/v2/images/{image_id}/file").content == DATA
    assert api.http.delete(f"/v2/images/{image_id}").status_code == 204
    assert not [name for name in api.files() if image_id in name]


def test_zeros_become_holes(api: Api) -> None:
    data = b"x" + bytes(64 << 20)
    stored = api.data / "stores" / "main" / api.active(data)
    assert stored.stat().st_size == len(data)
    assert stored.stat().st_blocks * 512 < 4 << 20


def test_an_image_may_be_empty(api: Api) -> None:
    image_id = api.active(b"")
    assert api.show(image_id)["size"] == 0
    answer = api.http.get(f"/v2/images/{image_id}/file")
    assert (answer.status_code, answer.content) == (200, b"")


def test_staged_data_waits_where_imports_look_for_it(api: Api) -> None:
    image_id = api.create()
    assert api.put(image_id, DATA, "stage").status_code == 204
    assert (api.show(image_id)["status"], api.show(image_id)["size"]) == ("uploading", len(DATA))
    assert (api.data / "staging" / image_id).read_bytes() == DATA
    staged = api.catalog.staged.get(image_id)
    assert staged is not None
    assert staged.digests == {
        "md5": hashlib.md5(DATA).hexdigest(),
        "sha512": hashlib.sha512(DATA).hexdigest(),
    }
    assert (staged.format, staged.refusal, staged.wrapper, staged.length) == ("raw", None, None, len(DATA))
    assert api.put(image_id, DATA, "stage").status_code == 409
    assert api.put(image_id, DATA).status_code == 409
    assert api.http.delete(f"/v2/images/{image_id}").status_code == 204
    assert not [name for name in api.files() if image_id in name]


def test_a_file_that_somebody_left_is_in_nobodys_way(api: Api) -> None:
    image_id = api.create()
    file = api.data / "staging" / image_id
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"left")
    assert api.put(image_id, DATA, "stage").status_code == 204
    staged = api.catalog.staged.get(image_id)
    assert staged is not None
    assert Path(staged.path).read_bytes() == DATA
    assert file.read_bytes() == b"left", "who knows whose it is"


def test_what_an_import_will_change_is_not_hashed_while_it_is_staged(api: Api, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "8M"], check=True)
    subprocess.run(["gzip", "-k", disk], check=True)
    for data, disk_format, wrapper in (
        (disk.read_bytes(), "qcow2", None),
        ((tmp_path / "disk.gz").read_bytes(), "raw", "gzip"),
    ):
        image_id = api.create(disk_format=disk_format)
        assert api.put(image_id, data, "stage").status_code == 204
        staged = api.catalog.staged.get(image_id)
        assert staged is not None
        assert (staged.digests, staged.wrapper) == ({}, wrapper)


def test_a_chosen_store(api: Api) -> None:
    image_id = api.create()
    assert api.put(image_id, DATA, x_image_meta_store="nowhere").status_code == 400
    assert api.put(image_id, DATA, x_image_meta_store="mirror").status_code == 204
    assert api.show(image_id)["stores"] == "mirror"


def test_formats_must_be_known_before_a_file_but_not_before_staging(api: Api) -> None:
    image_id = api.create(disk_format=None)
    assert api.put(image_id, DATA).status_code == 400
    assert api.put(image_id, DATA, "stage").status_code == 204


def test_who_may_upload(api: Api) -> None:
    image_id = api.create("alice:blue:member", visibility="community")
    for kind in ("file", "stage"):
        path = f"/v2/images/{image_id}/{kind}"
        for token in ("bob:red:member", "rita:blue:reader"):
            headers = {**auth(token), "Content-Type": "application/octet-stream"}
            assert api.http.put(path, content=DATA, headers=headers).status_code == 403
    assert api.put(image_id, DATA).status_code == 204


def test_data_of_another_format_is_refused(api: Api, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    subprocess.run(["qemu-img", "create", "-q", "-f", "vmdk", disk, "8M"], check=True)
    image_id = api.create(disk_format="qcow2")
    answer = api.put(image_id, disk.read_bytes())
    assert answer.status_code == 415
    assert "vmdk" in answer.text
    api.wait_queued(image_id)


def test_a_disk_that_refers_to_other_files_is_refused(api: Api, tmp_path: Path) -> None:
    base, disk = tmp_path / "base", tmp_path / "disk"
    subprocess.run(["qemu-img", "create", "-q", "-f", "raw", base, "8M"], check=True)
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "raw", disk], check=True)
    image_id = api.create(disk_format="qcow2")
    answer = api.put(image_id, disk.read_bytes())
    assert answer.status_code == 415
    assert "backing file" in answer.text
    api.wait_queued(image_id)
    assert api.put(image_id, DATA, "stage").status_code == 204, "the image can be used again"


@KINDS
def test_more_than_is_allowed(start: Start, kind: str) -> None:
    service = start({"DEFAULT.image_size_cap": 1_000_000})
    image_id = service.create()
    assert service.put(image_id, DATA, kind).status_code == 413, "announced by Content-Length"
    service.wait_queued(image_id)
    upload = Upload(service, image_id, kind, Transfer_Encoding="chunked")
    for _ in range(11):
        upload.send_chunk(bytes(100_000))
    assert upload.status() == 413, "found out while it comes"
    upload.close()
    service.wait_queued(image_id)
    assert service.put(image_id, DATA[:1_000_000], kind).status_code == 204


@KINDS
@pytest.mark.parametrize("reset", [False, True])
def test_a_client_that_goes_away_leaves_nothing(api: Api, kind: str, reset: bool) -> None:
    image_id = api.create()
    upload = Upload(api, image_id, kind, Content_Length="10000000")
    upload.send(DATA)
    api.wait(lambda: [name for name in api.files() if image_id in name])
    assert api.show(image_id)["status"] in ("saving", "uploading")
    began = time.monotonic()
    upload.close(reset=reset)
    api.wait_queued(image_id)
    assert time.monotonic() - began < 1.0 + 1.0, "noticed within a second, however busy the machine"
    assert api.put(image_id, DATA, kind).status_code == 204


@KINDS
def test_a_chunked_body_that_ends_early_or_is_broken(api: Api, kind: str) -> None:
    image_id = api.create()
    for ending in (b"", b"zz\r\nnonsense"):
        upload = Upload(api, image_id, kind, Transfer_Encoding="chunked")
        upload.send_chunk(DATA)
        upload.send(ending)
        upload.close()
        api.wait_queued(image_id)


@KINDS
def test_more_or_less_than_was_promised(api: Api, kind: str) -> None:
    image_id = api.create()
    for promised in (len(DATA) - 1, len(DATA) + 1):
        answer = api.put(image_id, DATA, kind, x_openstack_image_size=str(promised))
        assert answer.status_code == 400
        api.wait_queued(image_id)
    assert api.put(image_id, DATA, kind, x_openstack_image_size=str(len(DATA))).status_code == 204


@KINDS
def test_one_upload_at_a_time(api: Api, kind: str) -> None:
    image_id = api.create()
    first = Upload(api, image_id, kind, Content_Length="3")
    first.send(b"ab")
    api.wait_begun(image_id)
    assert api.put(image_id, DATA, kind).status_code == 409
    first.send(b"c")
    assert first.status() == 204
    first.close()


@KINDS
def test_changes_during_an_upload_are_kept(api: Api, kind: str) -> None:
    image_id = api.create(colour="blue")
    upload = Upload(api, image_id, kind, Content_Length=str(len(DATA)))
    upload.send(DATA[:1000])
    api.wait_begun(image_id)
    changes = [
        {"op": "replace", "path": "/name", "value": "new"},
        {"op": "replace", "path": "/colour", "value": "red"},
        {"op": "add", "path": "/shape", "value": "round"},
    ]
    assert api.http.patch(f"/v2/images/{image_id}", json=changes, headers=V21).status_code == 200
    formats = [{"op": "replace", "path": "/disk_format", "value": "qcow2"}]
    assert api.http.patch(f"/v2/images/{image_id}", json=formats, headers=V21).status_code == 403
    upload.send(DATA[1000:])
    assert upload.status() == 204
    upload.close()
    shown = api.show(image_id)
    assert (shown["name"], shown["colour"], shown["shape"], shown["size"]) == (
        "new",
        "red",
        "round",
        len(DATA),
    )


@KINDS
def test_an_image_that_is_deleted_during_its_upload_is_gone(start: Start, kind: str) -> None:
    service = start({"glimpse.upload_lease": 1.0})
    image_id = service.create()
    ending, waiting = (Upload(service, i, kind, Content_Length="6") for i in (image_id, service.create()))
    ending.send(b"abc")
    waiting.send(b"abc")
    service.wait_begun(image_id)
    assert service.http.delete(f"/v2/images/{image_id}").status_code == 204
    ending.send(b"def")
    assert ending.status() == 410, "found out at the end"
    for image in service.http.get("/v2/images").json()["images"]:
        service.wait_begun(image["id"])
        assert service.http.delete(f"/v2/images/{image['id']}").status_code == 204
    assert waiting.status() == 410, "found out when the lease is renewed, while the client is silent"
    service.wait(lambda: not service.files())
    ending.close()
    waiting.close()


def test_a_lease_lasts_as_long_as_its_upload(start: Start) -> None:
    service = start({"glimpse.upload_lease": 0.5})
    image_id = service.create()
    upload = Upload(service, image_id, Content_Length="6")
    upload.send(b"abc")
    service.wait(lambda: service.show(image_id)["status"] == "saving")
    end = time.monotonic() + 1.5
    service.wait(lambda: time.monotonic() > end)
    assert service.catalog.uploads.expired() == []
    upload.send(b"def")
    assert upload.status() == 204
    upload.close()


def test_a_service_that_stops_puts_its_uploads_back(start: Start) -> None:
    service = start()
    ids = [service.create() for _ in range(4)]
    uploads = [
        Upload(service, i, kind, Content_Length="9")
        for i, kind in zip(ids, ["file", "stage"] * 2, strict=True)
    ]
    for upload in uploads:
        upload.send(b"abc")
    for image_id in ids:
        service.wait_begun(image_id)
    assert service.stop() == 0
    assert [service.catalog.images.get(image_id).status for image_id in ids] == ["queued"] * 4
    assert service.files() == set()
    for upload in uploads:
        upload.close()


def test_a_process_that_is_killed_leaves_a_lease_that_ends(start: Start) -> None:
    service = start({"glimpse.upload_lease": 0.5})
    image_id = service.create()
    upload = Upload(service, image_id, Content_Length="9")
    upload.send(b"abc")
    service.wait(lambda: service.show(image_id)["status"] == "saving")
    service.workers()[0].kill()
    service.wait(lambda: service.catalog.uploads.expired())
    assert service.catalog.uploads.reap(service.catalog.uploads.expired()[0])
    service.wait(service._answers)
    assert service.show(image_id)["status"] == "queued"
    upload.close()


def test_trickling_uploads_hold_up_nobody(api: Api) -> None:
    """200 uploads of 40 KiB each at 10 KiB/s, on one worker, while listings and a fast upload go on."""
    piece = os.urandom(1024)
    ids = [api.create() for _ in range(200)]
    uploads = [
        Upload(api, image_id, "file" if number % 2 else "stage", Content_Length=str(40 * len(piece)))
        for number, image_id in enumerate(ids)
    ]
    done = threading.Event()

    def trickle() -> None:
        for _ in range(40):
            for upload in uploads:
                upload.send(piece)
            done.wait(0.1)

    sender = threading.Thread(target=trickle)
    sender.start()
    listings = 0
    with httpx.Client(base_url=api.url, timeout=10) as http:
        while sender.is_alive():
            assert http.get("/v2/images?limit=25").status_code == 200
            listings += 1
    sender.join()
    assert listings > 40
    assert api.show(api.active(DATA))["status"] == "active"
    for upload in uploads:
        assert upload.status() == 204
        upload.close()
    checksums = {api.show(image_id)["checksum"] for image_id in ids[1::2]}
    assert checksums == {hashlib.md5(40 * piece).hexdigest()}


@pytest.mark.parametrize(
    ("kind", "form", "status"), [("file", "raw", 204), ("stage", "raw", 204), ("file", "qcow2", 415)]
)
def test_an_upload_that_ends_while_leases_are_renewed_has_not_lost_its_image(
    start: Start, kind: str, form: str, status: int
) -> None:
    """Leases are renewed 30 times a second; between the look at what runs and the look at its lease some end."""
    service = start({"glimpse.upload_lease": 0.1})
    ids = [service.create(disk_format=form) for _ in range(200)]

    def put(image_id: str) -> int:
        return service.http.put(f"/v2/images/{image_id}/{kind}", content=b"data", headers=BYTES).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(put, ids)) == {status}


def test_a_project_stores_no_more_than_its_quota(start: Start) -> None:
    service = start({"DEFAULT.user_storage_quota": 5_000_000})
    theirs, more, another = (service.create("u:mine:member") for _ in range(3))
    whose = {**BYTES, **auth("u:mine:member")}
    assert service.http.put(f"/v2/images/{theirs}/file", content=DATA, headers=whose).status_code == 204
    for content in (DATA, (piece for piece in [DATA])):
        refused = service.http.put(f"/v2/images/{more}/file", content=content, headers=whose)
        assert refused.status_code == 413, refused.text
        assert service.show(more)["status"] == "queued"
    other = service.create("u:other:member")
    headers = {**BYTES, **auth("u:other:member")}
    assert service.http.put(f"/v2/images/{other}/file", content=DATA, headers=headers).status_code == 204
    rest = service.http.put(
        f"/v2/images/{another}/file", content=DATA[: 5_000_000 - len(DATA)], headers=whose
    )
    assert rest.status_code == 204
    full = service.http.put(f"/v2/images/{more}/file", content=b"x", headers=whose)
    assert full.status_code == 413
    assert "5000000" in full.text
