"""Third-party plugins in a whole import engine; what they do is written in each test."""

import gzip
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from taskflow import task
from taskflow.patterns import linear_flow
from taskflow.types import failure

from glimpse.errors import ClaimLost
from glimpse.imports.conductor import Conductor
from glimpse.imports.plugins import load
from glimpse.imports.plugins.thirdparty.adapter import ThirdParty
from glimpse.imports.stop import Interrupted
from glimpse.testing.httpserver import HttpServer, Reply
from tests.checks import check_active, check_queued
from tests.engine import Disk, Engine

Execute = Callable[..., object]
RAW = bytes(range(256)) * 8192


class Does(task.Task):  # type: ignore[misc]
    """A task that does what it is told, and writes down how it is reverted."""

    def __init__(self, name: str, execute: Execute, reverts: list[tuple[str, object]], **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self._do = execute
        self._reverts = reverts

    def execute(self, file_path: str) -> object:
        return self._do(file_path)

    def revert(self, result: object, **kwargs: object) -> None:
        self._reverts.append((self.name, result))


class Plugins:
    """Plugins made from functions, and what happened to them."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.runs: list[str] = []
        self.reverts: list[tuple[str, object]] = []
        self.given: dict[str, Any] = {}
        self.conductors: list[Conductor] = []
        self.may_run, self.ran = threading.Event(), threading.Event()
        engine.plugins = ()

    def add(self, name: str, execute: Execute = lambda file_path: None, **kwargs: Any) -> None:
        """One more plugin; ``execute`` gets the path, and ``self.given`` has the arguments of get_flow."""

        def run(file_path: str) -> object:
            self.runs.append(name)
            return execute(file_path)

        def get_flow(**given: Any) -> object:
            self.given = given
            return linear_flow.Flow(name).add(Does(name, run, self.reverts, **kwargs))

        self.engine.plugins = (*self.engine.plugins, ThirdParty(name, get_flow))

    def adds_and_stops(self, name: str) -> None:
        """One more, during whose turn the conductor is told to stop, so that another must go on behind it."""

        def stop(file_path: str) -> str:
            assert self.may_run.wait(20)
            self.conductors[0].stop()
            [run] = self.conductors[0]._running.values()
            with pytest.raises(Interrupted):
                run.stop.pause(20)
            self.ran.set()
            return "result"

        self.add(name, stop)

    def run_until_stopped(self) -> None:
        """A conductor that hands the import back behind the plugin that stops it."""
        with self.engine.conducting() as conductor:
            self.conductors.append(conductor)
            self.may_run.set()
            assert self.ran.wait(20)

    def fails(self, name: str = "fails") -> None:
        """One more, that raises."""

        def fail(file_path: str) -> None:
            raise ValueError("this will not do")

        self.add(name, fail)


@pytest.fixture
def plugins(engine: Engine) -> Plugins:
    return Plugins(engine)


def test_two_plugins_share_a_file_and_each_sees_the_others_work(engine: Engine, plugins: Plugins) -> None:
    def append(text: bytes) -> Execute:
        def do(file_path: str) -> None:
            with Path(file_path.removeprefix("file://")).open("ab") as file:
                file.write(text)

        return do

    plugins.add("one", append(b"one"))
    plugins.add("two", append(b"two"))
    image = engine.create()
    engine.stage(image, RAW)
    with engine.conducting():
        assert engine.ended(engine.start(image, all_stores=True)).status == "success"
    check_active(engine, image.id, RAW + b"onetwo", 2)
    assert plugins.reverts == []


def test_a_new_file_may_lie_anywhere_and_goes_with_the_import(
    engine: Engine, plugins: Plugins, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"

    def do(file_path: str) -> str:
        elsewhere.write_bytes(RAW[::-1])
        return f"file://{elsewhere}"

    plugins.add("moves", do, provides="file_path")
    image = engine.create()
    engine.stage(image, RAW)
    with engine.conducting():
        assert engine.ended(engine.start(image, all_stores=True)).status == "success"
    check_active(engine, image.id, RAW[::-1], 2)
    assert not elsewhere.exists()


@pytest.mark.parametrize("given", [None, 7, "file:///no/such/file", "relative", "file:///tmp"])
def test_what_is_no_file_fails_the_import(engine: Engine, plugins: Plugins, given: object) -> None:
    plugins.add("lies", lambda file_path: given, provides="file_path")
    image = engine.create()
    engine.stage(image, RAW)
    with engine.conducting():
        failed = engine.ended(engine.start(image))
    assert failed.message == f"plugin lies: the file_path that it gave, {given!r}, is not a file."
    assert plugins.reverts == [("lies", given)]
    check_queued(engine, image.id)


def test_names_that_nobody_provides_fail_the_import(engine: Engine, plugins: Plugins) -> None:
    plugins.add("asks", requires=["the_moon"])
    image = engine.create()
    engine.stage(image, RAW)
    with engine.conducting():
        failed = engine.ended(engine.start(image))
    assert failed.message.startswith("plugin asks: ")
    assert "the_moon" in failed.message


def test_what_one_provides_by_name_another_can_ask_for(engine: Engine, plugins: Plugins) -> None:
    seen: list[object] = []

    class Asks(task.Task):  # type: ignore[misc]
        def execute(self, colour: str, shape: str) -> None:
            seen.extend([colour, shape])

    plugins.add("tells", lambda file_path: ("red", "round"), provides=("colour", "shape"))
    engine.plugins = (*engine.plugins, ThirdParty("asks", lambda **given: Asks()))
    image = engine.create()
    engine.stage(image, RAW)
    with engine.conducting():
        assert engine.ended(engine.start(image)).status == "success"
    assert seen == ["red", "round"]


def test_a_failure_in_the_stores_reverts_plugins_with_their_results(engine: Engine, plugins: Plugins) -> None:
    plugins.add("one", lambda file_path: 1)
    plugins.add("two", lambda file_path: {"a": [2]})
    image = engine.create("qcow2")
    engine.stage(image, RAW)
    with engine.conducting():
        failed = engine.ended(engine.start(image))
    assert "declared qcow2" in failed.message
    assert plugins.reverts == [("two", {"a": [2]}), ("one", 1)]
    check_queued(engine, image.id)


def test_a_revert_that_raises_does_not_keep_the_image(engine: Engine, plugins: Plugins) -> None:
    class Stubborn(task.Task):  # type: ignore[misc]
        def execute(self) -> None:
            pass

        def revert(self, *args: object, **kwargs: object) -> None:
            raise RuntimeError("never")

    plugins.add("before")
    engine.plugins = (*engine.plugins, ThirdParty("stubborn", lambda **given: Stubborn()))
    plugins.fails()
    image = engine.create()
    engine.stage(image, RAW)
    with engine.conducting():
        assert engine.ended(engine.start(image)).message == "plugin fails: this will not do"
    assert plugins.reverts[-1] == ("before", None)
    check_queued(engine, image.id)


def test_a_plugin_that_is_done_is_not_run_again_by_the_next_conductor(
    engine: Engine, plugins: Plugins, disk: Disk
) -> None:
    plugins.adds_and_stops("one")
    plugins.add("two")
    image = engine.create()
    engine.stage(image, disk.raw)
    record = engine.start(image, all_stores=True)
    plugins.run_until_stopped()
    assert engine.catalog.imports.get(record.id).status == "pending"
    assert plugins.runs == ["one"]
    with engine.conducting():
        assert engine.ended(record).status == "success"
    assert plugins.runs == ["one", "two"]
    check_active(engine, image.id, disk.raw, 2)


def test_the_next_conductor_reverts_what_an_earlier_one_has_run(engine: Engine, plugins: Plugins) -> None:
    plugins.adds_and_stops("one")
    plugins.fails()
    image = engine.create()
    engine.stage(image, RAW)
    record = engine.start(image, all_stores=True)
    plugins.run_until_stopped()
    assert engine.catalog.imports.get(record.id).status == "pending"
    with engine.conducting():
        assert engine.ended(record).status == "failure"
    assert plugins.runs == ["one", "fails"]
    (first, error), second = plugins.reverts
    assert (first, second) == ("fails", ("one", "result"))
    assert isinstance(error, failure.Failure)
    check_queued(engine, image.id)


def test_who_has_lost_the_claim_changes_nothing_and_reverts_nothing(engine: Engine, plugins: Plugins) -> None:
    lost: list[Exception] = []
    tried = threading.Event()

    def do(file_path: str) -> None:
        wrapper, repo = plugins.given["action_wrapper"], plugins.given["image_repo"]
        image = repo.get(wrapper.image_id)
        record = engine.catalog.imports.get(plugins.given["task_id"])
        engine.catalog.imports.release(record.id, record.claim)
        engine.catalog.imports.claim(record.id, "another", 30.0)
        image.extra_properties["late"] = "yes"
        for attempt in (lambda: repo.save(image), wrapper.assert_task_lock, wrapper.__enter__):
            try:
                attempt()
            except ClaimLost as error:
                lost.append(error)
        tried.set()
        with wrapper as action:
            action.set_image_extra_properties({"late": "yes"})

    plugins.add("late", do)
    image = engine.create()
    engine.stage(image, RAW)
    record = engine.start(image)
    with engine.conducting():
        assert tried.wait(20)
    assert len(lost) == 3
    now = engine.catalog.imports.get(record.id)
    assert (now.status, now.claimed_by) == ("processing", "another")
    assert "late" not in engine.catalog.images.get(image.id).properties
    assert plugins.reverts == []
    assert len(engine.files()) == 1


def test_only_what_a_plugin_changed_is_written(
    engine: Engine, plugins: Plugins, caplog: pytest.LogCaptureFixture
) -> None:
    other = engine.create(name="other")
    facts: dict[str, Any] = {}

    def do(file_path: str) -> None:
        repo, wrapper = plugins.given["image_repo"], plugins.given["action_wrapper"]
        image = repo.get(plugins.given["image_id"])
        # A user changes the image meanwhile.
        engine.catalog.images.update(image.image_id, set={"name": "user's"}, properties={"theirs": "2"})
        image.extra_properties["mine"] = 5
        del image.extra_properties["old"]
        image.status, image.owner, image.size = "active", "me", 0
        image.extra_properties["os_glance_failed_import"] = "all"
        repo.save(image)
        facts["other"] = repo.get(other.id).name
        with pytest.raises(Exception, match="only change the image"):
            repo.save(repo.get(other.id))
        with wrapper as action:
            facts["seen"] = action.image_extra_properties["mine"], action.image_size, action.image_locations
            action.set_image_attribute(status="queued", virtual_size=7, size=1)
            action.add_failed_stores(["main"])
            action.remove_importing_stores(["main"])
        with pytest.raises(Exception, match="lock"):
            wrapper.drop_lock_for_task()
        task = plugins.given["task_repo"].get(plugins.given["task_id"])
        facts["task"] = (task.type, task.status, task.task_input["image_id"] == image.image_id)
        new = plugins.given["image_factory"].new_image(name="made", extra_properties={"by": "plugin"})
        repo.add(new)

    plugins.add("busy", do)
    image = engine.create("ami", name="mine", properties={"old": "1", "theirs": "1"})
    engine.stage(image, RAW)
    with caplog.at_level(logging.WARNING), engine.conducting():
        ended = engine.ended(engine.start(image))
    assert ended.status == "success", ended.message
    assert facts == {
        "other": "other",
        "seen": ("5", len(RAW), []),
        "task": ("api_image_import", "processing", True),
    }
    now = engine.catalog.images.get(image.id)
    assert (now.name, now.owner, now.status) == ("user's", "p", "active")
    assert (now.size, now.virtual_size) == (len(RAW), 7)
    assert {name: value for name, value in now.properties.items() if not name.startswith("os_")} == {
        "mine": "5",
        "theirs": "2",
    }
    assert now.properties["os_glance_failed_import"] == ""
    assert "status, owner" in caplog.text
    assert "os_glance_failed_import is reserved" in caplog.text


def test_the_context_says_who_asked(engine: Engine, plugins: Plugins) -> None:
    plugins.add("reads")
    image = engine.create()
    engine.stage(image, RAW)
    with engine.conducting():
        assert engine.ended(engine.start(image)).status == "success"
    context = plugins.given["context"]
    assert (context.project_id, context.owner, context.tenant) == ("p", "p", "p")
    assert (context.user_id, context.roles, context.is_admin) == ("u", ["member"], False)
    assert (context.request_id, context.auth_token) == ("req-1", None)
    assert context.to_dict()["owner"] == "p"
    assert set(plugins.given) == {
        "task_id",
        "task_type",
        "context",
        "task_repo",
        "image_repo",
        "image_factory",
        "backend",
        "image_id",
        "import_req",
        "action_wrapper",
    }


@pytest.mark.parametrize("form", ["qcow2", "packed"])
def test_a_plugin_stands_where_it_is_named(engine: Engine, plugins: Plugins, disk: Disk, form: str) -> None:
    """Between unpacking and conversion it has the qcow2, behind them the raw disk, in which holes are holes."""
    seen: list[tuple[bytes, str, bool]] = []

    def look(file_path: str) -> None:
        path = Path(file_path.removeprefix("file://"))
        with plugins.given["action_wrapper"] as action:
            sparse = path.stat().st_blocks * 512 < path.stat().st_size
            seen.append((path.read_bytes()[:4], action.image_disk_format, sparse))

    ours = load(["image_decompression", "image_conversion"], engine.settings)
    plugins.add("between", look)
    plugins.add("behind", look)
    between, behind = engine.plugins
    engine.plugins = (ours[0], between, ours[1], behind)
    image = engine.create("qcow2")
    with HttpServer({"/image": Reply(getattr(disk, form))}) as server, engine.conducting():
        ended = engine.ended(engine.start(image, "web-download", uri=server.url("/image"), all_stores=True))
    assert ended.status == "success", ended.message
    assert seen == [(b"QFI\xfb", "qcow2", False), (disk.raw[:4], "raw", True)]
    check_active(engine, image.id, disk.raw, 2)


def test_a_plugin_may_pack_and_the_next_of_ours_unpacks(engine: Engine, plugins: Plugins, disk: Disk) -> None:
    def pack(file_path: str) -> None:
        path = Path(file_path.removeprefix("file://"))
        path.write_bytes(gzip.compress(path.read_bytes(), 1))

    plugins.add("packs", pack)
    engine.plugins = (*engine.plugins, *load(["image_decompression"], engine.settings))
    image = engine.create()
    with HttpServer({"/image": Reply(disk.raw)}) as server, engine.conducting():
        ended = engine.ended(engine.start(image, "web-download", uri=server.url("/image"), all_stores=True))
    assert ended.status == "success", ended.message
    check_active(engine, image.id, disk.raw, 2)
