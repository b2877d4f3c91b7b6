"""Disks and archives that reach for files of this host get in by no door, and bring nothing along."""

import io
import os
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from glimpse.testing.httpserver import HttpServer, Reply
from tests.integration.imports.packed import run
from tests.integration.imports.service import Service
from tests.integration.imports.unsafe import EXHAUSTING, UNSAFE

SECRET = b"root:x:0:0:a secret of this host" * 2048


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """All that could read an image is on: unpacking, conversion, data at addresses."""
    overrides = {
        "DEFAULT.enabled_backends": {"main": "file", "second": "file", "web": "http"},
        "glance_store.default_backend": "main",
        "image_import_opts.image_import_plugins": ["image_decompression", "image_conversion"],
        "image_conversion.output_format": "raw",
        "glimpse.upload_lease": 30.0,
        "glimpse.claim_lease": 30.0,
    }
    with Service(tmp_path_factory.mktemp("service") / "data", overrides) as running:
        running.conduct()
        yield running


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer({"/inner": Reply(SECRET)}) as running:
        yield running


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_bytes(SECRET)
    path.chmod(0o644)
    return path


def by_upload(service: Service, image_id: str, data: bytes, _: HttpServer) -> str:
    answer = service.put(image_id, data)
    assert answer.status_code == 415, answer.text
    return answer.text


def by_stage(service: Service, image_id: str, data: bytes, _: HttpServer) -> str:
    answer = service.put(image_id, data, "stage")
    if answer.status_code != 204:
        assert answer.status_code == 415, answer.text
        return answer.text
    return imported(service, image_id, "glance-direct")


def by_download(service: Service, image_id: str, data: bytes, server: HttpServer) -> str:
    server.replies["/disk"] = Reply(data)
    return imported(service, image_id, "web-download", uri=server.url("/disk"))


def by_packed_download(service: Service, image_id: str, data: bytes, server: HttpServer) -> str:
    return by_download(service, image_id, run("gzip", "-1", "-c", stdin=data), server)


def by_location(service: Service, image_id: str, data: bytes, server: HttpServer) -> str:
    server.replies["/disk"] = Reply(data, ranges=True)
    body = {"url": server.url("/disk")}
    assert service.http.post(f"/v2/images/{image_id}/locations", json=body).status_code == 202
    return failed(service, image_id)


def imported(service: Service, image_id: str, method: str, **more: str) -> str:
    assert service.begin(image_id, method, all_stores=True, **more) == 202
    return failed(service, image_id)


def failed(service: Service, image_id: str) -> str:
    record = service.ended(image_id)
    assert record["status"] == "failure", record
    return str(record["error"])


Door = Callable[[Service, str, bytes, HttpServer], str]
DOORS: Mapping[str, Door] = {
    "upload": by_upload,
    "stage": by_stage,
    "web-download": by_download,
    "web-download, packed": by_packed_download,
    "location": by_location,
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("kind", UNSAFE)
def test_an_unsafe_disk_gets_in_by_no_door(
    service: Service, server: HttpServer, secret: Path, kind: str, door: str
) -> None:
    declared, make, why = UNSAFE[kind]
    disk = secret.with_name("disk")
    make(disk, secret, server.url("/inner"))
    image_id = service.create(disk_format=declared)
    said = DOORS[door](service, image_id, disk.read_bytes(), server)
    assert why in said
    assert str(secret) not in said
    service.wait_queued(image_id)
    assert service.files() == set()
    assert "/inner" not in [request.path for request in server.requests]


@pytest.mark.parametrize("kind", UNSAFE)
def test_an_unsafe_disk_that_is_called_raw_stays_what_it_is(
    service: Service, server: HttpServer, secret: Path, kind: str
) -> None:
    """Raw means: these bytes. Nothing ever looks into them, also not what converts."""
    _, make, _ = UNSAFE[kind]
    disk = secret.with_name("disk")
    make(disk, secret, server.url("/inner"))
    data = disk.read_bytes()
    image_id = service.create()
    server.replies["/disk"] = Reply(data)
    assert service.begin(image_id, "web-download", uri=server.url("/disk")) == 202
    record = service.ended(image_id)
    if record["status"] == "success":
        assert service.http.get(f"/v2/images/{image_id}/file").content == data
        assert service.http.delete(f"/v2/images/{image_id}").status_code == 204
    assert SECRET[:64] not in data
    assert "/inner" not in [request.path for request in server.requests]
    service.wait(lambda: service.files() == set())


@pytest.mark.parametrize("kind", EXHAUSTING)
def test_a_disk_that_would_cost_too_much_is_given_up(
    service: Service, server: HttpServer, tmp_path: Path, kind: str
) -> None:
    """Each has a few hundred kilobytes at most; an import of the like takes a second."""
    disk = tmp_path / "disk"
    make, why = EXHAUSTING[kind]
    make(disk)
    image_id = service.create(disk_format="qcow2")
    began = time.monotonic()
    said = by_download(service, image_id, run("gzip", "-1", "-c", stdin=disk.read_bytes()), server)
    assert why in said
    assert time.monotonic() - began < 20
    service.wait_queued(image_id)
    assert service.files() == set()


def archive(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for member, data in members:
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return written.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, target, 0o777
    return info


def test_names_in_an_archive_lead_nowhere(service: Service, server: HttpServer, tmp_path: Path) -> None:
    disk = os.urandom(1 << 20)
    for name in (f"{tmp_path}/escaped", "../" * 20 + f"{tmp_path}/escaped", "a/../../../../escaped"):
        server.replies["/disk"] = Reply(archive((member(name), disk)))
        image_id = service.create()
        assert service.begin(image_id, "web-download", uri=server.url("/disk")) == 202
        record = service.ended(image_id)
        assert record["status"] == "success", record
        assert service.http.get(f"/v2/images/{image_id}/file").content == disk
        assert not (tmp_path / "escaped").exists()
        assert {Path(name).name for name in service.files()} == {image_id}
        service.http.delete(f"/v2/images/{image_id}")
        service.wait(lambda: service.files() == set())


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE],
    ids=["link", "hard link", "device", "pipe"],
)
def test_what_is_no_file_in_an_archive_is_no_disk(
    service: Service, server: HttpServer, secret: Path, kind: bytes
) -> None:
    server.replies["/disk"] = Reply(archive((member("disk.raw", kind, str(secret)), b"")))
    image_id = service.create()
    said = imported(service, image_id, "web-download", uri=server.url("/disk"))
    assert "archive" in said
    assert service.files() == set()
