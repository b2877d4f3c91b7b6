"""A conductor is killed with SIGKILL at every point of an import; another goes on and finishes it."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from glimpse.catalog.records import ImportRecord
from glimpse.errors import Conflict
from glimpse.testing.httpserver import HttpServer, Reply
from tests.checks import check_active, check_queued, stored
from tests.engine import DEADLINE, Disk, Engine, engine_in, make_disk

SCRIPT = Path(__file__).with_name("dying_conductor.py")

# A dead conductor's claim runs out after a second, so that the tests need not wait.
SHORT_LEASE: dict[str, object] = {
    "glimpse.claim_lease": 1.0,
    "glimpse.heartbeat": 0.2,
    "image_import_opts.image_import_plugins": [
        "inject_image_metadata",
        "image_decompression",
        "image_conversion",
    ],
    "inject_metadata_properties.inject": {"license": "gpl"},
}

STEPS = ("lock", "inject_image_metadata", "deliver")
POINTS = [
    *(f"{side}:{step}" for step in STEPS for side in ("before", "after")),
    "before:finish",
    "inside:acquire",
    "inside:deliver",
    "called:journal",
    "call:start_targets",
    "called:start_targets",
    "call:commit_target",
    "called:commit_target",
    "call:succeed",
    "called:succeed",
]
UNDO_POINTS = [
    "undo:deliver",
    "undo:inject_image_metadata",
    "undo:lock",
    "call:fail",
    "called:fail",
]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with engine_in(tmp_path / "data", SHORT_LEASE) as engine:
        yield engine


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Disk:
    return make_disk(tmp_path_factory.mktemp("disk"))


def run_until_it_dies(engine: Engine, point: str, more: Mapping[str, object] | None = None) -> None:
    """A conductor process that kills itself at ``point``."""
    source = {
        "files": [],
        "data": str(engine.settings.data),
        "overrides": {
            **SHORT_LEASE,
            **(more or {}),
            "import_filtering_opts.allowed_hosts": ["127.0.0.1"],
            "import_filtering_opts.allowed_ports": [],
        },
    }
    died = subprocess.run(
        [sys.executable, SCRIPT, point, json.dumps(source)],
        timeout=DEADLINE,
        capture_output=True,
        check=False,
    )
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()


def claim_when_free(engine: Engine, record: ImportRecord) -> ImportRecord:
    """Take the import up when the lease of the dead conductor has run out."""
    deadline = time.monotonic() + DEADLINE
    while True:
        try:
            return engine.catalog.imports.claim(record.id, "another", DEADLINE)
        except Conflict:
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.mark.parametrize("point", POINTS)
def test_another_conductor_finishes_a_staged_import(engine: Engine, disk: Disk, point: str) -> None:
    image = engine.create("qcow2", properties={"license": "mit"})
    engine.stage(image, disk.packed)
    record = engine.start(image, all_stores=True)
    run_until_it_dies(engine, point)
    with engine.conducting():
        assert engine.ended(record).status == "success", engine.catalog.imports.get(record.id).error
        engine.idle()
    check_active(engine, image.id, disk.raw, 2)
    assert engine.catalog.images.get(image.id).properties["license"] == "gpl"


@pytest.mark.parametrize("point", ["inside:acquire", "inside:deliver", "called:commit_target"])
def test_another_conductor_finishes_a_download(engine: Engine, disk: Disk, point: str) -> None:
    image = engine.create("qcow2")
    with HttpServer({"/image": Reply(disk.qcow2)}) as server:
        record = engine.start(image, "web-download", uri=server.url("/image"), all_stores=True)
        run_until_it_dies(engine, point)
        with engine.conducting():
            assert engine.ended(record).status == "success", engine.catalog.imports.get(record.id).error
            engine.idle()
    check_active(engine, image.id, disk.raw, 2)


@pytest.mark.parametrize(
    ("point", "fetched"),
    [
        ("inside:acquire", 2),
        ("call:journal", 2),
        ("called:journal", 1),
        ("inside:image_conversion", 1),
        ("call:journal#2", 1),
        ("called:journal#2", 1),
        ("inside:deliver", 1),
        ("called:commit_target", 1),
    ],
)
def test_another_conductor_goes_on_from_the_last_file(
    engine: Engine, disk: Disk, tmp_path: Path, point: str, fetched: int
) -> None:
    """Of a download that is spooled and then converted to another file; each is journaled when it is complete."""
    target = {"image_conversion.output_format": "vdi"}
    image = engine.create("qcow2")
    with HttpServer({"/image": Reply(disk.packed)}) as server:
        record = engine.start(image, "web-download", uri=server.url("/image"), all_stores=True)
        run_until_it_dies(engine, point, target)
        run_until_it_dies(engine, "called:succeed", target)
        assert server.connections == fetched
    with engine.conducting():
        engine.idle()
    assert engine.catalog.imports.get(record.id).status == "success"
    now = engine.catalog.images.get(image.id)
    assert (now.status, now.disk_format, now.virtual_size) == ("active", "vdi", len(disk.raw))
    one, two = stored(engine, image.id)
    assert one == two
    made, raw = tmp_path / "made", tmp_path / "raw"
    made.write_bytes(one)
    subprocess.run(["qemu-img", "convert", "-f", "vdi", "-O", "raw", made, raw], check=True)
    assert raw.read_bytes() == disk.raw
    assert len(engine.files()) == 2


def test_a_plan_of_another_version_is_made_anew(engine: Engine, disk: Disk) -> None:
    image = engine.create("qcow2")
    engine.stage(image, disk.packed)
    record = engine.start(image, all_stores=True)
    run_until_it_dies(engine, "called:commit_target")
    imports = engine.catalog.imports
    claimed = claim_when_free(engine, record)
    assert claimed.plan is not None
    imports.journal(record.id, claimed.claim, plan={**claimed.plan, "version": 1, "elements": []})
    imports.release(record.id, claimed.claim)
    with engine.conducting():
        assert engine.ended(record).status == "success", imports.get(record.id).error
        engine.idle()
    check_active(engine, image.id, disk.raw, 2)


@pytest.mark.parametrize("point", UNDO_POINTS)
def test_another_conductor_finishes_taking_back(engine: Engine, disk: Disk, point: str) -> None:
    """The source is not what it is declared to be, so the import fails; the conductor dies while it takes back."""
    image = engine.create("qcow2", properties={"license": "mit"})
    engine.stage(image, disk.raw)
    record = engine.start(image, all_stores=True)
    run_until_it_dies(engine, point)
    with engine.conducting():
        failed = engine.ended(record)
        engine.idle()
    assert failed.status == "failure"
    assert "declared qcow2" in failed.message
    check_queued(engine, image.id)
    assert engine.catalog.images.get(image.id).properties["license"] == "mit"


def test_an_import_that_kills_every_conductor_is_given_up(engine: Engine, disk: Disk) -> None:
    image = engine.create()
    engine.stage(image, disk.raw)
    record = engine.start(image)
    for _ in range(5):
        run_until_it_dies(engine, "inside:deliver")
    with engine.conducting():
        failed = engine.ended(record)
        engine.idle()
    assert failed.error is not None
    assert failed.error["code"] == "brings-down"
    check_queued(engine, image.id)
