"""Import plugins of somebody else: a distribution of its own, installed by pip, in a real service."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from glimpse.testing.httpserver import HttpServer, Reply
from tests.engine import Disk, make_disk
from tests.integration.imports.packed import make_image, run
from tests.integration.imports.service import Service

DISTRIBUTIONS = Path(__file__).parents[2] / "distributions"
TEXT = b"GLIMPSE-STAMP"
CONFIGURATION = """
[DEFAULT]
enabled_backends = main:file, mirror:file
[glance_store]
default_backend = main
[main]
filesystem_store_datadir = {data}/stores/main
[mirror]
filesystem_store_datadir = {data}/stores/mirror
[image_import_opts]
image_import_plugins = [{plugins}]
[stamping]
text = GLIMPSE-STAMP
diary = {data}/diary
once = {data}/once
"""

Start = Callable[..., "Stamping"]


class Stamping(Service):
    """A service with plugins that write a diary."""

    def __init__(self, directory: Path, *plugins: str) -> None:
        directory.mkdir(parents=True)
        file = directory / "glance-image-import.conf"
        file.write_text(CONFIGURATION.format(data=directory, plugins=", ".join(plugins)))
        # Nothing here is about uploads that end too early.
        super().__init__(directory, {"glimpse.upload_lease": 30.0}, file)

    def diary(self) -> list[dict[str, Any]]:
        """What the plugins wrote down, and the list is empty again."""
        file = self.data / "diary"
        lines = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return [json.loads(line) for line in lines]

    def objects(self, image_id: str) -> list[bytes]:
        """The image's data in each store."""
        return [(self.data / "stores" / store / image_id).read_bytes() for store in ("main", "mirror")]


def installed(source: Path, target: Path) -> Path:
    """Where pip has installed the distribution ``source``, without the network."""
    offline = ["--no-deps", "--no-index", "--no-build-isolation"]
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    done = subprocess.run(
        [*pip, *offline, "--target", str(target), str(source)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return target


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the distribution is installed."""
    source = tmp_path_factory.mktemp("source") / "dist"
    shutil.copytree(DISTRIBUTIONS / "stamping_plugin", source)
    return installed(source, tmp_path_factory.mktemp("site"))


@pytest.fixture
def start(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    monkeypatch.setenv("PYTHONPATH", str(site), prepend=os.pathsep)
    with ExitStack() as stack:

        def begin(*plugins: str) -> Stamping:
            return stack.enter_context(Stamping(tmp_path / "data", *plugins))

        yield begin


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Disk:
    return make_disk(tmp_path_factory.mktemp("disk"))


def check_stored(service: Stamping, image_id: str, expected: bytes) -> None:
    image = service.show(image_id)
    assert (image["status"], image["disk_format"], image["size"]) == ("active", "raw", len(expected))
    assert image["checksum"] == hashlib.md5(expected).hexdigest()
    assert image["os_hash_value"] == hashlib.sha512(expected).hexdigest()
    assert service.objects(image_id) == [expected, expected]
    left = {name for name in service.files() if image_id in name}
    assert left == {f"stores/main/{image_id}", f"stores/mirror/{image_id}"}


def check_taken_back(service: Stamping, image_id: str) -> dict[str, object]:
    image = service.show(image_id)
    assert (image["status"], image["size"]) == ("queued", None)
    assert not {name for name in service.files() if image_id in name}
    return image


def test_plugins_change_bytes_and_the_record(start: Start, disk: Disk) -> None:
    ours = ("image_decompression", "image_conversion")
    service = start(*ours, "stamp_in_place", "stamp_copy", "stamp_record")
    service.conduct()
    expected = TEXT + disk.raw[len(TEXT) :] + TEXT
    with HttpServer({"/image": Reply(disk.packed)}) as source:
        for method in ("glance-direct", "web-download"):
            image_id = service.create("ann:alpha:member", disk_format="qcow2", unwanted="yes")
            body: dict[str, Any] = {"all_stores": True}
            if method == "glance-direct":
                assert service.put(image_id, disk.packed, "stage").status_code == 204
            else:
                body["uri"] = source.url("/image")
            assert service.begin(image_id, method, **body) == 202
            record = service.ended(image_id)
            assert record["status"] == "success", record
            assert {phase["state"] for phase in record["phases"]} == {"done"}
            stamping = next(each for each in record["phases"] if each["name"] == "stamp_copy")
            assert stamping["done"] == len(expected)
            check_stored(service, image_id, expected)
            image = service.show(image_id)
            assert (image["stamped_by"], image["min_ram"], image["tags"]) == ("wrapper", 64, ["stamped"])
            assert image["os_glance_importing_to_stores"] == ""
            assert not {"unwanted", "os_glance_stamp"} & image.keys()
            first, second, third = service.diary()
            assert [first["did"], second["did"]] == ["execute", "execute"]
            assert third["seen"] == ["importing", "raw", "bare"]
            assert (third["size"], third["after"]) == (len(expected), "wrapper")
            assert (third["task_type"], third["method"]) == ("api_image_import", method)
            assert third["backend"] == ["main", "mirror"]
            assert "checksum" in third["refused"]


def test_a_staged_file_that_a_plugin_changed_is_adopted(start: Start, disk: Disk) -> None:
    service = start("stamp_in_place")
    image_id = service.create()
    assert service.put(image_id, disk.raw, "stage").status_code == 204
    staged = service.catalog.staged.get(image_id)
    assert staged is not None
    assert service.begin(image_id, all_stores=True) == 202
    service.conduct()
    assert service.ended(image_id)["status"] == "success"
    check_stored(service, image_id, TEXT + disk.raw[len(TEXT) :])
    inodes = {(service.data / "stores" / store / image_id).stat().st_ino for store in ("main", "mirror")}
    assert staged.inode % 2**64 in inodes
    assert len(inodes) == 2


def test_what_a_plugin_makes_of_the_format_is_what_is_converted(start: Start, disk: Disk) -> None:
    service = start("stamp_format", "image_conversion")
    service.conduct()
    image_id = service.create()
    assert service.put(image_id, disk.raw, "stage").status_code == 204
    assert service.begin(image_id, all_stores=True) == 202
    record = service.ended(image_id)
    assert record["status"] == "success", record
    check_stored(service, image_id, disk.raw)


def test_all_plugins_revert_when_one_fails(start: Start, disk: Disk) -> None:
    service = start("stamp_in_place", "stamp_copy", "stamp_record", "stamp_fails")
    service.conduct()
    image_id = service.create("ann:alpha:member", mine="kept")
    assert service.put(image_id, disk.raw, "stage").status_code == 204
    assert service.begin(image_id, all_stores=True) == 202
    record = service.ended(image_id)
    assert record["status"] == "failure"
    assert record["message"] == "plugin stamp_fails: the stamp is out of ink"
    assert (record["error"]["stage"], record["error"]["code"]) == ("stamp_fails", "plugin-failed")
    image = check_taken_back(service, image_id)
    assert image["os_glance_failed_import"] == "main,mirror"
    assert image["mine"] == "kept"
    assert "stamped_by" not in image
    lines = service.diary()
    assert [line.get("did", "execute") for line in lines[:3]] == ["execute"] * 3
    reverts = [(line["plugin"], line["did"]) for line in lines[3:]]
    assert reverts == [
        ("fails", "revert"),
        ("record", "revert"),
        ("copy", "revert copy"),
        ("copy", "revert name"),
        ("in_place", "revert"),
    ]
    assert lines[3]["result"] == "Failure"
    assert lines[5]["result"].endswith(".stamped")
    assert lines[7]["failures"] == ["the-import"]


def test_a_plugin_that_cannot_make_a_flow_fails_that_import(start: Start, disk: Disk) -> None:
    service = start("stamp_broken_flow")
    service.conduct()
    for _ in range(2):
        image_id = service.create()
        assert service.put(image_id, disk.raw, "stage").status_code == 204
        assert service.begin(image_id) == 202
        record = service.ended(image_id)
        assert record["message"] == "plugin stamp_broken_flow: there is no stamp for this image"
        check_taken_back(service, image_id)


def test_a_conductor_dies_inside_a_plugin(start: Start, disk: Disk) -> None:
    """What was downloaded is downloaded again; what was staged cannot be had again, and the user is told."""
    service = start("stamp_dies", "stamp_copy")
    with HttpServer({"/image": Reply(disk.raw)}) as source:
        web, staged = service.create(), service.create()
        assert service.begin(web, "web-download", uri=source.url("/image"), all_stores=True) == 202
        dying = service.conduct()
        assert dying.wait(30) == -signal.SIGKILL
        service.conductors.remove(dying)
        survivor = service.conduct()
        assert service.ended(web)["status"] == "success"
        check_stored(service, web, TEXT + disk.raw[len(TEXT) :] + TEXT)
        assert [line["plugin"] for line in service.diary()] == ["dies", "copy"]

        (service.data / "once").unlink()
        assert service.put(staged, disk.raw, "stage").status_code == 204
        assert service.begin(staged) == 202
        assert survivor.wait(30) == -signal.SIGKILL
        service.conductors.remove(survivor)
        service.conduct()
        record = service.ended(staged)
    assert "a conductor died during plugin stamp_dies" in record["message"]
    check_taken_back(service, staged)
    assert service.diary() == [{"plugin": "dies", "did": "revert", "result": "Failure"}]


# The first thing written is that the plugin begins, the second that it is done.
@pytest.mark.parametrize(
    ("point", "times"),
    [
        ("before:stamp_copy", 1),
        ("call:journal", 1),
        ("called:journal", 1),
        ("call:journal#2", 2),
        ("called:journal#2", 1),
        ("after:stamp_copy", 1),
        ("inside:deliver", 1),
    ],
)
def test_a_conductor_dies_around_a_plugin(start: Start, disk: Disk, point: str, times: int) -> None:
    service = start("stamp_copy")
    image_id = service.create()
    assert service.put(image_id, disk.raw, "stage").status_code == 204
    assert service.begin(image_id, all_stores=True) == 202
    dying = service.conduct(point)
    assert dying.wait(30) == -signal.SIGKILL
    service.conductors.remove(dying)
    service.conduct()
    assert service.ended(image_id)["status"] == "success"
    check_stored(service, image_id, disk.raw + TEXT)
    assert [line["did"] for line in service.diary()] == ["execute"] * times


@pytest.mark.parametrize("point", ["undo:stamp_copy", "undo:deliver", "call:fail"])
def test_a_conductor_dies_while_a_plugin_is_taken_back(start: Start, disk: Disk, point: str) -> None:
    service = start("stamp_copy")
    image_id = service.create(disk_format="qcow2")
    assert service.put(image_id, disk.raw, "stage").status_code == 204
    assert service.begin(image_id) == 202
    dying = service.conduct(point)
    assert dying.wait(30) == -signal.SIGKILL
    service.conductors.remove(dying)
    service.conduct()
    assert "declared qcow2" in service.ended(image_id)["message"]
    check_taken_back(service, image_id)
    reverts = [line for line in service.diary() if line["did"] == "revert copy"]
    assert {line["result"].removesuffix(".stamped")[-36:] for line in reverts} == {image_id}


@pytest.mark.parametrize(
    ("command", "plugin", "words"),
    [
        ("serve", "stamp_of_glance", "it imports glance.common.exception"),
        ("serve", "stamp_nothing", "is not a plugin"),
        ("serve", "stamp_missing", "no installed distribution"),
        ("conductor", "stamp_of_glance", "it imports glance.common.exception"),
        ("api", "stamp_of_glance", "it imports glance.common.exception"),
    ],
)
def test_a_plugin_that_cannot_be_loaded_stops_the_service_at_start(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, plugin: str, words: str
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(site), prepend=os.pathsep)
    done = subprocess.run(
        [sys.executable, "-m", "glimpse.cli", command, "--data", tmp_path / "data", "--plugins", plugin],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    error, *hint = done.stderr.strip().splitlines()
    assert error.startswith("glimpse: ")
    assert plugin in error
    assert words in error
    assert len(hint) <= 1
    assert "Traceback" not in done.stderr


def test_a_plugins_own_section_is_not_called_meaningless(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(site), prepend=os.pathsep)
    file = tmp_path / "glimpse.conf"
    command = [sys.executable, "-m", "glimpse.cli", "conductor", "--config-file", str(file)]
    for plugins, meaningless in (("stamp_copy", "[stamping] colour"), ("no_op", "[stamping]")):
        file.write_text(CONFIGURATION.format(data=tmp_path, plugins=plugins) + "colour = red\n")
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            warning = process.stderr.readline()
            process.terminate()
        assert warning.strip().endswith(f"ignored: {meaningless}")


def test_the_example_of_the_documentation_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, disk: Disk
) -> None:
    page = (Path(__file__).parents[3] / "docs" / "plugins" / "writing.md").read_text()
    blocks = {
        text.splitlines()[0].removeprefix("# "): text for text in re.findall(r"```\w+\n(.*?)```", page, re.S)
    }
    source = tmp_path / "stamping"
    source.mkdir()
    for name, text in blocks.items():
        (source / name).write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(installed(source, tmp_path / "site")), prepend=os.pathsep)
    with Stamping(tmp_path / "data", "stamp") as service:
        service.conduct()
        image_id = service.create()
        assert service.put(image_id, disk.raw, "stage").status_code == 204
        assert service.begin(image_id, all_stores=True) == 202
        assert service.ended(image_id)["status"] == "success"
        check_stored(service, image_id, TEXT + disk.raw[len(TEXT) :])
        assert service.show(image_id)["stamped"] == "yes"


def test_a_plugin_of_somebody_else_that_fits_into_the_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, disk: Disk
) -> None:
    shutil.copytree(DISTRIBUTIONS / "planning_plugin", tmp_path / "source")
    monkeypatch.setenv(
        "PYTHONPATH", str(installed(tmp_path / "source", tmp_path / "site")), prepend=os.pathsep
    )
    raw = tmp_path / "disk.raw"
    raw.write_bytes(disk.raw)
    vmdk = make_image(raw, "vmdk")
    with Stamping(tmp_path / "data", "vmdk_to_qcow2") as service:
        service.conduct()
        for made, (declared, stored, data) in {
            "qcow2": ("vmdk", "qcow2", vmdk.read_bytes()),
            "": ("raw", "raw", disk.raw),
        }.items():
            image_id = service.create(disk_format=declared)
            assert service.put(image_id, data, "stage").status_code == 204
            assert service.begin(image_id, all_stores=True) == 202
            record = service.ended(image_id)
            assert record["status"] == "success", record
            image = service.show(image_id)
            assert (image["disk_format"], image["made_into"]) == (stored, made)
            for store in ("main", "mirror"):
                run(
                    "qemu-img",
                    "compare",
                    "-f",
                    "raw",
                    "-F",
                    stored,
                    raw,
                    service.data / "stores" / store / image_id,
                )
