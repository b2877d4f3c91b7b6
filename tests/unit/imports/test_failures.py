import gzip
import hashlib
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from glimpse.errors import Conflict
from glimpse.testing.httpserver import HttpServer, Reply
from tests.checks import check_active, check_queued, stored
from tests.engine import Disk, Engine

RAW = bytes(range(256)) * 8192


def replies(disk: Disk) -> dict[str, tuple[Reply, str]]:
    """Sources that fail, and a part of what the task must then say."""
    packed = gzip.compress(RAW, 1)
    return {
        "missing": (Reply(status=404), "HTTP 404"),
        "failing": (Reply(status=500), "HTTP 500"),
        "reset": (Reply(RAW, reset_after=1 << 20), "connection"),
        "truncated": (Reply(RAW, truncate_after=1 << 20), str(len(RAW))),
        "promising too much": (Reply(RAW, announce=len(RAW) + 1000), str(len(RAW) + 1000)),
        "silent": (Reply(silent=True), "2"),
        "stalling": (Reply(RAW, stall_after=4096), "2"),
        "trickling": (Reply(RAW, speed=100), "fewer than 1024"),
        "leading astray": (Reply(redirect="http://169.254.169.254/latest/meta-data"), "169.254.169.254"),
        "gzip cut short": (Reply(packed[:-20]), "gzip"),
        "gzip damaged": (
            Reply(packed[: len(packed) // 2] + bytes(64) + packed[len(packed) // 2 + 64 :]),
            "gzip",
        ),
        "not what was declared": (Reply(disk.qcow2), "qcow2"),
        "empty": (Reply(b""), ""),
    }


@pytest.mark.parametrize(
    "name",
    [
        "missing",
        "failing",
        "reset",
        "truncated",
        "promising too much",
        "silent",
        "stalling",
        "trickling",
        "leading astray",
        "gzip cut short",
        "gzip damaged",
    ],
)
def test_a_bad_source_leaves_the_image_queued_and_says_why(engine: Engine, disk: Disk, name: str) -> None:
    reply, words = replies(disk)[name]
    image = engine.create("raw")
    with HttpServer({"/image": reply, "/good": Reply(RAW)}) as server, engine.conducting():
        failed = engine.ended(engine.start(image, "web-download", uri=server.url("/image"), all_stores=True))
        assert failed.status == "failure"
        assert words in failed.message
        check_queued(engine, image.id)
        assert engine.catalog.images.get(image.id).properties["os_glance_failed_import"] == "main,mirror"
        again = engine.ended(engine.start(image, "web-download", uri=server.url("/good")))
    assert again.status == "success"
    check_active(engine, image.id, RAW, 1)


def test_data_that_is_not_what_was_declared_does_not_get_in(engine: Engine, disk: Disk) -> None:
    image = engine.create("qcow2")
    engine.stage(image, RAW)
    with engine.conducting():
        failed = engine.ended(engine.start(image))
    assert failed.status == "failure"
    assert "declared qcow2" in failed.message
    assert failed.error is not None
    assert failed.error["code"] == "unsafe-image"
    check_queued(engine, image.id)


def test_staged_data_that_was_changed_is_not_imported(engine: Engine) -> None:
    image = engine.create()
    engine.stage(image, RAW)
    staged = engine.catalog.staged.get(image.id)
    assert staged is not None
    Path(staged.path).write_bytes(RAW[::-1])
    with engine.conducting():
        failed = engine.ended(engine.start(image))
    assert failed.error is not None
    assert failed.error["code"] == "staged-data-lost"
    check_queued(engine, image.id)


def break_store(engine: Engine, store: str) -> Callable[[], None]:
    """Put a file where the store's directory was; the answer mends it."""
    directory = engine.settings.data / "stores" / store
    directory.rmdir()
    directory.write_bytes(b"")

    def mend() -> None:
        directory.unlink()
        directory.mkdir()

    return mend


def test_one_broken_store_fails_an_import_in_which_all_must_succeed(engine: Engine) -> None:
    image = engine.create()
    engine.stage(image, RAW)
    mend = break_store(engine, "mirror")
    with engine.conducting():
        failed = engine.ended(engine.start(image, all_stores=True))
    mend()
    assert failed.status == "failure"
    assert {target.state for target in failed.targets} == {"failed"}
    check_queued(engine, image.id)


def test_one_broken_store_does_not_stop_the_others_where_that_is_asked_for(engine: Engine) -> None:
    image = engine.create()
    engine.stage(image, RAW)
    mend = break_store(engine, "mirror")
    with engine.conducting():
        done = engine.ended(engine.start(image, all_stores=True, all_stores_must_succeed=False))
    mend()
    assert done.status == "success"
    active = engine.catalog.images.get(image.id)
    assert active.status == "active"
    assert active.properties["os_glance_failed_import"] == "mirror"
    assert stored(engine, image.id) == [RAW]


@pytest.mark.parametrize("must_succeed", [True, False])
def test_an_import_fails_where_no_store_can_take_it(engine: Engine, must_succeed: bool) -> None:
    image = engine.create()
    engine.stage(image, RAW)
    mends = [break_store(engine, store) for store in ("main", "mirror")]
    with engine.conducting():
        failed = engine.ended(engine.start(image, all_stores=True, all_stores_must_succeed=must_succeed))
    for mend in mends:
        mend()
    assert failed.status == "failure"
    check_queued(engine, image.id)


@pytest.mark.parametrize(
    "engine",
    [
        {
            "image_import_opts.image_import_plugins": ["inject_image_metadata"],
            "inject_metadata_properties.inject": {"owner_team": "ops", "license": "gpl"},
        }
    ],
    indirect=True,
)
class TestInjection:
    def test_properties_are_injected(self, engine: Engine) -> None:
        image = engine.create(properties={"license": "mit"})
        engine.stage(image, RAW)
        with engine.conducting():
            assert engine.ended(engine.start(image)).status == "success"
        properties = engine.catalog.images.get(image.id).properties
        assert (properties["owner_team"], properties["license"]) == ("ops", "gpl")

    def test_a_failed_import_gives_the_users_values_back(self, engine: Engine) -> None:
        image = engine.create("qcow2", properties={"license": "mit"})
        engine.stage(image, RAW)
        with engine.conducting():
            assert engine.ended(engine.start(image)).status == "failure"
        properties = engine.catalog.images.get(image.id).properties
        assert properties["license"] == "mit"
        assert "owner_team" not in properties


def test_two_imports_of_one_image_at_once_are_refused(engine: Engine) -> None:
    image = engine.create()
    engine.stage(image, RAW)
    engine.start(image)
    with pytest.raises(Conflict):
        engine.start(image)


def test_a_stopped_conductor_hands_the_import_on(engine: Engine) -> None:
    image = engine.create()
    with HttpServer({"/image": Reply(RAW, stall_after=1 << 20)}) as server:
        with engine.conducting():
            record = engine.start(image, "web-download", uri=server.url("/image"))
            assert server.stalled.wait(20)
        released = engine.catalog.imports.get(record.id)
        assert (released.status, released.attempts) == ("pending", 0)
        assert engine.catalog.images.get(image.id).status == "importing"
        server.resume()
        with engine.conducting():
            assert engine.ended(record).status == "success"
    check_active(engine, image.id, RAW, 1)


def reads_from(port: int) -> bool:
    """Whether this process has a connection to that port."""
    connected = [each for each in psutil.Process().net_connections("tcp4") if each.status == "ESTABLISHED"]
    return port in {each.raddr[1] for each in connected}


def test_a_deleted_image_ends_its_import_within_a_second(engine: Engine) -> None:
    """With the heartbeat as it is by default, and a source that says nothing."""
    image = engine.create()
    with HttpServer({"/image": Reply(RAW, stall_after=1 << 20)}) as server, engine.conducting():
        record = engine.start(image, "web-download", uri=server.url("/image"))
        assert server.stalled.wait(20)
        assert reads_from(server.port)
        deleted = time.monotonic()
        engine.catalog.images.delete(image.id)
        assert engine.ended(record).status == "failure"
        while reads_from(server.port) and time.monotonic() < deleted + 20:
            time.sleep(0.01)
        assert time.monotonic() - deleted < 1
    assert engine.files() == set()


def test_the_record_says_what_is_in_the_stores(engine: Engine) -> None:
    image = engine.create()
    engine.stage(image, gzip.compress(RAW))
    with engine.conducting():
        done = engine.ended(engine.start(image))
    assert {phase.state for phase in done.phases} == {"done"}
    assert done.result == {"image_id": image.id}
    assert engine.catalog.images.get(image.id).checksum == hashlib.md5(RAW).hexdigest()
