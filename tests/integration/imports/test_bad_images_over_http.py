"""Images that plugins cannot take, through the whole service: each is explained, and nothing of it is left."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from glimpse.testing.httpserver import HttpServer, Reply
from tests.integration.imports.packed import make_image, make_raw, pack, run
from tests.integration.imports.service import Service

MIB = 1 << 20
CAP = 2 << 30

Images = Mapping[str, Path]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Images:
    raw = make_raw(tmp_path_factory.mktemp("images") / "disk.raw")
    huge, large = raw.with_name("huge.vdi"), raw.with_name("large.raw")
    run("qemu-img", "create", "-f", "vdi", huge, str(CAP + 512))
    with large.open("wb") as file:
        file.truncate(CAP + 1)
    return {"raw": raw, "huge": huge, "large": large} | {
        name: make_image(raw, name) for name in ("qcow2", "vmdk", "vdi")
    }


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    overrides = {
        "image_import_opts.image_import_plugins": ["image_decompression", "image_conversion"],
        "image_conversion.output_format": "qcow2",
        "DEFAULT.image_size_cap": CAP,
        "glimpse.upload_lease": 30.0,
        "glimpse.claim_lease": 30.0,
    }
    with Service(tmp_path_factory.mktemp("service") / "data", overrides) as running:
        running.conduct()
        yield running


def bomb() -> bytes:
    """Zeros beyond the GiB from which the ratio counts, a thousand for each byte."""
    return run("gzip", "-9", "-c", stdin=bytes(64 * MIB)) * 17


def two_disks(images: Images) -> bytes:
    names = [images["vdi"].name, images["vmdk"].name]
    return run("tar", "-c", *names, cwd=images["vdi"].parent)


Bytes = Callable[[Images], bytes]
# What is declared, the data, the code of the error, and words of its message.
BAD: Mapping[str, tuple[Mapping[str, str], Bytes, str, list[str]]] = {
    "another format": (
        {"disk_format": "vdi"},
        lambda images: images["vmdk"].read_bytes(),
        "unsafe-image",
        ["declared vdi but the data is vmdk"],
    ),
    "another format in xz": (
        {"disk_format": "raw"},
        lambda images: pack(images["vdi"], "xz"),
        "unsafe-image",
        ["declared raw but the data is vdi"],
    ),
    "cut off in gzip": (
        {"disk_format": "vdi"},
        lambda images: pack(images["vdi"], "gz")[:-1000],
        "invalid",
        ["gzip", "end"],
    ),
    "cut off in zip": (
        {"disk_format": "vdi"},
        lambda images: pack(images["vdi"], "zip")[:-1000],
        "unreadable-archive",
        ["zip archive", "cut short"],
    ),
    "cut off before it was packed": (
        {"disk_format": "vdi"},
        lambda images: run("zstd", "-c", stdin=images["vdi"].read_bytes()[: 2 * MIB]),
        "unreadable-image",
        ["vdi image is not complete", "fetch or upload it again"],
    ),
    "bomb": ({"disk_format": "raw"}, lambda _: bomb(), "too-large", ["max_expansion_ratio is 250"]),
    "disk beyond the cap": (
        {"disk_format": "vdi"},
        lambda images: pack(images["huge"], "bz2"),
        "too-large",
        [str(CAP + 512), f"{CAP} are allowed"],
    ),
    "two disks": (
        {"disk_format": "vmdk", "container_format": "ova"},
        two_disks,
        "not-one-disk",
        ["disk.vdi", "disk.vmdk"],
    ),
}


@pytest.mark.parametrize("method", ["glance-direct", "web-download"])
@pytest.mark.parametrize("bad", BAD)
def test_it_is_explained_and_nothing_is_left(bad: str, method: str, service: Service, images: Images) -> None:
    declared, make, code, words = BAD[bad]
    image_id, data = service.create(**declared), make(images)
    with HttpServer({"/image": Reply(data)}) as server:
        if method == "glance-direct":
            answer = service.put(image_id, data, "stage")
            assert answer.status_code == 204, answer.text
        uri = {"uri": server.url("/image")} if method == "web-download" else {}
        assert service.begin(image_id, method, all_stores=True, **uri) == 202
        check_failed(service, image_id, code, words)


def test_a_container_that_is_no_archive_is_refused(service: Service, images: Images) -> None:
    """As early as it can be known: staged data is not even taken."""
    image_id = service.create(container_format="ami")
    data = images["raw"].read_bytes()
    answer = service.put(image_id, data, "stage")
    assert answer.status_code == 400
    assert "container (ami)" in answer.text
    service.wait_queued(image_id)
    with HttpServer({"/image": Reply(data)}) as server:
        assert service.begin(image_id, "web-download", uri=server.url("/image"), all_stores=True) == 202
        check_failed(service, image_id, "invalid", ["container (ami)", "set container_format to bare"])


def test_a_download_beyond_the_cap_ends_before_it_begins(service: Service, images: Images) -> None:
    image_id = service.create()
    with HttpServer({"/image": Reply(images["large"])}) as server:
        assert service.begin(image_id, "web-download", uri=server.url("/image"), all_stores=True) == 202
        check_failed(service, image_id, "too-large", [str(CAP + 1), str(CAP)])


def check_failed(service: Service, image_id: str, code: str, words: list[str]) -> None:
    """The import has failed for this reason, and the image is as if nothing had been tried."""
    record = service.ended(image_id)
    message = f"{record['message']} {(record['error'] or {}).get('hint', '')}"
    assert record["status"] == "failure", record
    assert record["error"]["code"] == code, record["error"]
    assert [word for word in words if word not in message] == [], message
    assert str(service.data) not in message
    image = service.show(image_id)
    assert (image["status"], image["size"], image["virtual_size"]) == ("queued", None, None)
    assert (image["checksum"], image["os_hash_value"]) == (None, None)
    assert (image["os_glance_importing_to_stores"], image["os_glance_failed_import"]) == ("", "main,mirror")
    assert "stores" not in image or image["stores"] == ""
    assert service.files() == set()
