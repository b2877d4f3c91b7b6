"""What is recorded of images that came packed: it is that of what is stored."""

import hashlib
import subprocess
from pathlib import Path

import pytest

from glimpse.testing.httpserver import HttpServer, Reply
from tests.checks import check_active, check_queued, stored
from tests.engine import Disk, Engine

UNPACKS = {"image_import_opts.image_import_plugins": ["image_decompression"]}
CONVERTS = {"image_import_opts.image_import_plugins": ["image_decompression", "image_conversion"]}
TO_QCOW2 = {**CONVERTS, "image_conversion.output_format": "qcow2"}
unpacking = pytest.mark.parametrize("engine", [UNPACKS], indirect=True)
converting = pytest.mark.parametrize("engine", [CONVERTS], indirect=True)


@pytest.fixture(scope="module")
def vmdk(disk: Disk, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("vmdk")
    raw, made = directory / "raw", directory / "disk.vmdk"
    raw.write_bytes(disk.raw)
    options = ["-f", "raw", "-O", "vmdk", "-o", "subformat=streamOptimized"]
    subprocess.run(["qemu-img", "convert", *options, raw, made], check=True)
    return made


def tar(vmdk: Path, *more: str, compress: str = "") -> bytes:
    """An OVA: a descriptor and the disk (and links to it by other names)."""
    directory = vmdk.parent
    (directory / "machine.ovf").write_text("<Envelope/>")
    for name in more:
        (directory / name).unlink(missing_ok=True)
        (directory / name).write_bytes(vmdk.read_bytes())
    command = [
        "tar",
        f"-c{compress}",
        "--format=ustar",
        "-C",
        str(directory),
        "machine.ovf",
        vmdk.name,
        *more,
    ]
    return subprocess.run(command, check=True, capture_output=True).stdout


def imported(engine: Engine, image_id: str, data: bytes, method: str) -> str:
    """Import ``data`` into two stores; what the import ended with."""
    image = engine.catalog.images.get(image_id)
    if method == "glance-direct":
        engine.stage(image, data)
        with engine.conducting():
            ended = engine.ended(engine.start(image, all_stores=True))
    else:
        with HttpServer({"/image": Reply(data)}) as server, engine.conducting():
            ended = engine.ended(engine.start(image, method, uri=server.url("/image"), all_stores=True))
    return ended.message if ended.status == "failure" else ""


@unpacking
@pytest.mark.parametrize("method", ["glance-direct", "web-download"])
@pytest.mark.parametrize(("container", "compress"), [("ova", ""), ("bare", "z"), ("ovf", "J")])
def test_a_disk_out_of_an_archive_is_a_bare_one(
    engine: Engine, vmdk: Path, method: str, container: str, compress: str
) -> None:
    image_id = engine.create("vmdk", container).id
    assert imported(engine, image_id, tar(vmdk, compress=compress), method) == ""
    image, data = engine.catalog.images.get(image_id), vmdk.read_bytes()
    assert (image.disk_format, image.container_format) == ("vmdk", "bare")
    assert (image.size, image.virtual_size) == (len(data), 24 << 20)
    assert (image.checksum, image.os_hash_value) == (
        hashlib.md5(data).hexdigest(),
        hashlib.sha512(data).hexdigest(),
    )
    assert stored(engine, image_id) == [data, data]
    assert len(engine.files()) == 2


@converting
@pytest.mark.parametrize("method", ["glance-direct", "web-download"])
def test_a_disk_out_of_an_archive_is_converted(engine: Engine, disk: Disk, vmdk: Path, method: str) -> None:
    image_id = engine.create("vmdk", "ova").id
    assert imported(engine, image_id, tar(vmdk), method) == ""
    check_active(engine, image_id, disk.raw, 2)
    assert engine.catalog.images.get(image_id).container_format == "bare"


@unpacking
def test_what_is_inside_must_be_what_was_declared(engine: Engine, vmdk: Path) -> None:
    image_id = engine.create("qcow2", "ova").id
    assert "declared qcow2 but the data is vmdk" in imported(engine, image_id, tar(vmdk), "web-download")
    check_queued(engine, image_id)


@unpacking
def test_an_archive_of_two_disks_is_refused_with_their_names(engine: Engine, vmdk: Path) -> None:
    image_id = engine.create("vmdk", "ova").id
    message = imported(engine, image_id, tar(vmdk, "second.vmdk"), "glance-direct")
    assert "disk.vmdk" in message
    assert "second.vmdk" in message
    check_queued(engine, image_id)


@unpacking
@pytest.mark.parametrize("container", ["docker", "compressed"])
def test_archives_that_are_the_image_are_left_alone(engine: Engine, vmdk: Path, container: str) -> None:
    image_id, data = engine.create("vmdk", container).id, tar(vmdk)
    assert imported(engine, image_id, data, "glance-direct") == ""
    image = engine.catalog.images.get(image_id)
    assert (image.disk_format, image.container_format) == ("vmdk", container)
    assert stored(engine, image_id) == [data, data]


@unpacking
def test_a_container_that_is_not_there_is_not_taken_away(engine: Engine, vmdk: Path) -> None:
    image_id, data = engine.create("vmdk", "ova").id, vmdk.read_bytes()
    assert imported(engine, image_id, data, "web-download") == ""
    assert engine.catalog.images.get(image_id).container_format == "ova"
    assert stored(engine, image_id) == [data, data]


@pytest.mark.parametrize("engine", [TO_QCOW2], indirect=True)
@pytest.mark.parametrize("method", ["glance-direct", "web-download"])
def test_a_conversion_to_a_file_is_stored_as_it_is(
    engine: Engine, disk: Disk, vmdk: Path, method: str, tmp_path: Path
) -> None:
    image_id = engine.create("vmdk", "ova").id
    assert imported(engine, image_id, tar(vmdk, compress="z"), method) == ""
    image = engine.catalog.images.get(image_id)
    assert (image.disk_format, image.container_format, image.virtual_size) == ("qcow2", "bare", len(disk.raw))
    one, two = stored(engine, image_id)
    assert one == two
    assert (image.size, image.checksum) == (len(one), hashlib.md5(one).hexdigest())
    made, raw = tmp_path / "made", tmp_path / "raw"
    made.write_bytes(one)
    subprocess.run(["qemu-img", "convert", "-f", "qcow2", "-O", "raw", made, raw], check=True)
    assert raw.read_bytes() == disk.raw
    assert len(engine.files()) == 2
