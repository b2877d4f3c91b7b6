"""Signed images over HTTP: what matches its signature gets in, and of what does not nothing is left."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from glimpse.testing.httpserver import HttpServer, Reply
from tests.engine import Disk, make_disk
from tests.integration.api.service import V21
from tests.integration.imports.service import Service
from tests.signing import Signer, signer

DATA = os.urandom(3 << 20)
TAMPERED = DATA[:-1] + bytes([DATA[-1] ^ 1])
MISMATCH = "does not match img_signature"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="module")
def ours(keys: Path, shared: Service) -> Signer:
    made = signer(keys)
    made.store(shared.data / "certificates")
    return made


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service with embedded defaults and one conductor."""
    with Service(tmp_path_factory.mktemp("service"), {"DEFAULT.enabled_import_methods": METHODS}) as service:
        service.conduct()
        yield service


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Disk:
    return make_disk(tmp_path_factory.mktemp("disk"))


METHODS = ["glance-direct", "web-download"]


def check_nothing_left(service: Service, image_id: str) -> None:
    image = service.show(image_id)
    assert (image["status"], image["size"], image["checksum"]) == ("queued", None, None)
    assert not [name for name in service.files() if image_id in name]


def told(answer: httpx.Response) -> str:
    assert answer.status_code == 400, answer.text
    return answer.text


@pytest.mark.parametrize("method", ["SHA-224", "SHA-256", "SHA-384", "SHA-512"])
@pytest.mark.parametrize("key_type", ["RSA-PSS", "DSA", "ECC_SECP384R1", "ECC_SECP521R1"])
def test_an_upload_must_match(shared: Service, keys: Path, key_type: str, method: str) -> None:
    by = signer(keys, key_type)
    by.store(shared.data / "certificates")
    image_id = shared.create(**by.properties(DATA, method))
    assert MISMATCH in told(shared.put(image_id, TAMPERED))
    check_nothing_left(shared, image_id)
    assert shared.put(image_id, DATA).status_code == 204
    image = shared.show(image_id)
    assert image["status"] == "active"
    assert image["img_signature_hash_method"] == method
    assert shared.http.get(f"/v2/images/{image_id}/file").content == DATA


@pytest.mark.parametrize("data", [DATA, TAMPERED])
def test_staged_data_must_match(shared: Service, ours: Signer, data: bytes) -> None:
    image_id = shared.create(**ours.properties(DATA))
    assert shared.put(image_id, data, "stage").status_code == 204
    assert shared.begin(image_id, all_stores=True) == 202
    check_end(shared, image_id, good=data == DATA)


@pytest.mark.parametrize("data", [DATA, TAMPERED])
def test_staged_data_must_match_a_signature_that_came_later(
    shared: Service, ours: Signer, data: bytes
) -> None:
    image_id = shared.create()
    assert shared.put(image_id, data, "stage").status_code == 204
    changes = [
        {"op": "add", "path": f"/{name}", "value": value}
        for name, value in ours.properties(DATA, "SHA-384").items()
    ]
    assert shared.http.patch(f"/v2/images/{image_id}", json=changes, headers=V21).status_code == 200
    assert shared.begin(image_id) == 202
    check_end(shared, image_id, good=data == DATA)


@pytest.mark.parametrize("data", [DATA, TAMPERED])
def test_what_the_web_has_must_match(shared: Service, ours: Signer, data: bytes) -> None:
    image_id = shared.create(**ours.properties(DATA))
    with HttpServer({"/image": Reply(data)}) as source:
        assert shared.begin(image_id, "web-download", uri=source.url("/image"), all_stores=True) == 202
        check_end(shared, image_id, good=data == DATA)


def check_end(service: Service, image_id: str, *, good: bool) -> None:
    record = service.ended(image_id)
    if good:
        assert record["status"] == "success", record
        assert service.show(image_id)["status"] == "active"
        assert service.http.get(f"/v2/images/{image_id}/file").content == DATA
        return
    assert (record["status"], record["error"]["code"]) == ("failure", "bad-signature")
    assert MISMATCH in record["message"]
    check_nothing_left(service, image_id)


def test_what_plugins_make_of_it_must_match(shared: Service, ours: Signer, disk: Disk) -> None:
    """The image in the stores is what is signed: not what was packed, and not what was in another format."""
    packed, unpacked, qcow2 = (
        shared.create(disk_format="qcow2", **ours.properties(data))
        for data in (disk.packed, disk.raw, disk.qcow2)
    )
    for image_id in (packed, unpacked, qcow2):
        assert shared.put(image_id, disk.packed, "stage").status_code == 204
        assert shared.begin(image_id) == 202
    assert shared.ended(unpacked)["status"] == "success"
    assert shared.http.get(f"/v2/images/{unpacked}/file").content == disk.raw
    for image_id in (packed, qcow2):
        record = shared.ended(image_id)
        assert "Plugins of this service may have changed it (convert, unpack)." in record["message"]
        assert "as it will be stored" in record["error"]["hint"]
        check_nothing_left(shared, image_id)


def test_a_certificate_that_is_missing_expired_or_none_ends_it_before_it_begins(
    shared: Service, keys: Path, ours: Signer
) -> None:
    place = shared.data / "certificates"
    expired = signer(keys, begins="200101", ends="200201")
    expired.store(place)
    nothing = signer(keys)
    (place / f"{nothing.uuid}.pem").write_text("nothing")
    missing = signer(keys)
    for by, why in (
        (expired, "valid from 2020-01-01"),
        (nothing, "not an X.509"),
        (missing, "no certificate"),
    ):
        image_id = shared.create(**by.properties(DATA))
        assert why in told(shared.put(image_id, DATA))
        request = {"method": {"name": "web-download", "uri": "http://127.0.0.1:9/"}}
        assert why in told(shared.http.post(f"/v2/images/{image_id}/import", json=request))
        check_nothing_left(shared, image_id)


def test_the_key_of_somebody_else_does_not_match(shared: Service, keys: Path, ours: Signer) -> None:
    wrong = signer(keys).properties(DATA) | {"img_signature_certificate_uuid": ours.uuid}
    image_id = shared.create(**wrong)
    assert MISMATCH in told(shared.put(image_id, DATA))
    check_nothing_left(shared, image_id)


def test_values_that_mean_nothing_are_refused(shared: Service, ours: Signer) -> None:
    for name in ours.properties(DATA):
        image_id = shared.create(**{**ours.properties(DATA), name: "?"})
        assert name in told(shared.put(image_id, DATA))
        check_nothing_left(shared, image_id)


def test_with_fewer_than_all_four_properties_an_image_is_not_signed(shared: Service, ours: Signer) -> None:
    for name in ours.properties(DATA):
        rest = {key: value for key, value in ours.properties(DATA).items() if key != name}
        assert shared.active(TAMPERED, **rest)


def test_the_properties_of_an_image_that_has_data_are_like_any_other(shared: Service, ours: Signer) -> None:
    image_id = shared.active(DATA, **ours.properties(DATA))
    change = [{"op": "replace", "path": "/img_signature", "value": "another"}]
    answer = shared.http.patch(f"/v2/images/{image_id}", json=change, headers=V21)
    assert (answer.status_code, answer.json()["img_signature"]) == (200, "another")
    assert shared.http.get(f"/v2/images/{image_id}/file").content == DATA


def test_a_certificate_that_cannot_be_read_now_is_worth_another_try(
    shared: Service, keys: Path, ours: Signer
) -> None:
    place = shared.data / "certificates"
    away = signer(keys)
    (place / f"{away.uuid}.pem").mkdir()
    image_id = shared.create(**away.properties(DATA))
    answer = shared.put(image_id, DATA)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    check_nothing_left(shared, image_id)
    shutil.rmtree(place / f"{away.uuid}.pem")
    away.store(place)
    assert shared.put(image_id, DATA).status_code == 204


def test_a_task_makes_signed_images_too(shared: Service, ours: Signer) -> None:
    for data in (DATA, TAMPERED):
        with HttpServer({"/image": Reply(data)}) as source:
            task = {
                "import_from": source.url("/image"),
                "import_from_format": "raw",
                "image_properties": ours.properties(DATA),
            }
            answer = shared.http.post("/v2/tasks", json={"type": "import", "input": task})
            assert answer.status_code == 201, answer.text
            check_end(shared, str(answer.json()["image_id"]), good=data == DATA)


def test_the_example_of_the_documentation_works(shared: Service, tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "signatures.md").read_text()
    example = (
        page.split("running:\n")[1].split("\nOther data")[0].replace("http://127.0.0.1:9292", shared.url)
    )
    assert shared.url in example
    (tmp_path / "disk.raw").write_bytes(DATA)
    (tmp_path / "glimpse-data").symlink_to(shared.data)
    script = f"set -e\n{example}\necho\necho $ID"
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert shared.show(done.stdout.split()[-1])["status"] == "active"
