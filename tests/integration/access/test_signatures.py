"""Signed images over HTTP: what matches its signature gets in, and of what does not nothing is left."""

import base64
import io
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from openstack.image.image_signer import ImageSigner

from glimpse.testing.httpserver import HttpServer, Reply
from tests.engine import Disk, make_disk
from tests.integration.api.service import V21
from tests.integration.imports.service import Service
from tests.signing import Signer, signer

Start = Callable[..., Service]
DATA = os.urandom(3 << 20)
TAMPERED = DATA[:-1] + bytes([DATA[-1] ^ 1])
METHODS = ["glance-direct", "web-download"]
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


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts services of a test's own, without conductors."""
    with ExitStack() as stack:

        def begin(overrides: Mapping[str, object] | None = None) -> Service:
            return stack.enter_context(Service(tmp_path / "data", overrides))

        yield begin


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


@pytest.mark.parametrize("method", ["SHA-256", "SHA-512"])
def test_what_clients_of_openstack_sign_is_verified(shared: Service, ours: Signer, method: str) -> None:
    """As ``openstack image create --sign-key-path`` does it, and Nova verifies it."""
    signs = ImageSigner(hash_method=method)
    signs.load_private_key(str(ours.key))
    value = base64.b64encode(signs.generate_signature(io.BytesIO(DATA))).decode()
    image_id = shared.create(**{**ours.properties(DATA, method), "img_signature": value})
    assert shared.put(image_id, DATA).status_code == 204


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


POINTS = [
    "inside:deliver",
    "call:start_targets",
    "call:commit_target",
    "called:commit_target",
    "call:succeed",
]


@pytest.mark.parametrize("point", POINTS)
def test_the_conductor_that_follows_a_dead_one_goes_on(start: Start, keys: Path, point: str) -> None:
    service, by = start(), signer(keys)
    by.store(service.data / "certificates")
    image_id = service.create(**by.properties(DATA))
    assert service.put(image_id, DATA, "stage").status_code == 204
    assert service.begin(image_id, all_stores=True) == 202
    # Nobody asks for it again: what it was when the import was asked for is what counts.
    (service.data / "certificates" / f"{by.uuid}.pem").unlink()
    one_dies(service, point)
    check_end(service, image_id, good=True)
    assert set(str(service.show(image_id)["stores"]).split(",")) == {"main", "mirror"}


@pytest.mark.parametrize("point", ["inside:deliver", "undo:deliver", "called:fail"])
def test_wrong_data_gets_nowhere_whichever_conductor_dies(start: Start, keys: Path, point: str) -> None:
    service, by = start(), signer(keys)
    by.store(service.data / "certificates")
    image_id = service.create(**by.properties(DATA))
    assert service.put(image_id, TAMPERED, "stage").status_code == 204
    assert service.begin(image_id, all_stores=True) == 202
    one_dies(service, point)
    check_end(service, image_id, good=False)


def one_dies(service: Service, point: str) -> None:
    dying = service.conduct(point)
    assert dying.wait(30) == -9
    service.conductors.remove(dying)
    service.conduct()


WEB = {
    "DEFAULT.enabled_backends": {"main": "file", "web": "http"},
    "DEFAULT.show_multiple_locations": True,
    "DEFAULT.do_secure_hash": False,
}


def test_data_at_an_address_is_read_and_must_match(start: Start, keys: Path) -> None:
    service, by = start(WEB), signer(keys)
    service.conduct()
    by.store(service.data / "certificates")
    replies = {"/good": Reply(DATA, ranges=True), "/bad": Reply(TAMPERED, ranges=True)}
    with HttpServer(replies) as server:
        image_id = service.create(**by.properties(DATA))
        place = f"/v2/images/{image_id}"
        by_patch = [
            {"op": "add", "path": "/locations/-", "value": {"url": server.url("/good"), "metadata": {}}}
        ]
        answer = service.http.patch(place, json=by_patch, headers=V21)
        assert (answer.status_code, "is signed" in answer.text) == (409, True)
        assert service.http.post(f"{place}/locations", json={"url": server.url("/bad")}).status_code == 202
        service.wait(lambda: service.show(image_id)["status"] == "queued")
        record = service.catalog.imports.for_image(image_id)[0]
        assert record.error is not None
        assert record.error["code"] == "bad-signature"
        assert service.catalog.images.get(image_id).locations == ()
        assert service.http.post(f"{place}/locations", json={"url": server.url("/good")}).status_code == 202
        service.wait(lambda: service.show(image_id)["status"] == "active")
        assert service.http.get(f"{place}/file").content == DATA
