import os
from pathlib import Path

import pytest

from glimpse.errors import Cancelled, NoSpace, Unavailable
from glimpse.transfer.fanout import DeliveryFailed
from glimpse.transfer.localcopy import STEP, CopiesFiles, copy_into
from glimpse.transfer.stop import NEVER, SILENT
from tests.unit.transfer.helpers import MIB, Recorder, RecordingWriter, Switch, threads


class CopyingWriter(RecordingWriter):
    """Takes ranges of a file, and remembers how they came."""

    def __init__(self) -> None:
        super().__init__()
        self.copied: list[tuple[int, int]] = []

    def copy_from(self, fd: int, offset: int, length: int) -> None:
        assert offset == len(self.content)
        assert length <= STEP
        self.copied.append((offset, length))
        self.content += os.pread(fd, length, offset)


class Failing(CopyingWriter):
    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def copy_from(self, fd: int, offset: int, length: int) -> None:
        raise self.error


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of data, a hole, data and a hole."""
    path = tmp_path / "image"
    with path.open("wb") as file:
        file.write(os.urandom(MIB))
        file.seek(5 * MIB)
        file.write(os.urandom(MIB))
        file.truncate(9 * MIB)
    return path


def test_every_writer_gets_the_file_with_its_holes(path: Path) -> None:
    writers = {"one": CopyingWriter(), "two": CopyingWriter()}
    assert all(isinstance(writer, CopiesFiles) for writer in writers.values())
    progress = Recorder()
    assert copy_into(path, writers, progress=progress, stop=NEVER, must_all=True) == {}
    for writer in writers.values():
        assert writer.content == path.read_bytes()
        assert [zero for _, _, zero in writer.extents] == [True, True]
        assert sum(length for _, length in writer.copied) == 2 * MIB
    assert set(progress.phases) == {"deliver", "deliver:one", "deliver:two"}
    assert threads() == []


def test_no_writer_is_no_work(path: Path) -> None:
    assert copy_into(path, {}, progress=SILENT, stop=NEVER, must_all=True) == {}


def test_a_failing_store_leaves_the_others_alone(path: Path) -> None:
    good = CopyingWriter()
    writers: dict[str, CopiesFiles] = {"bad": Failing(NoSpace("full at /bad")), "good": good}
    failed = copy_into(path, writers, progress=SILENT, stop=NEVER, must_all=False)
    assert {store: error.message for store, error in failed.items()} == {"bad": "full at /bad"}
    assert good.content == path.read_bytes()


def test_one_failure_ends_it_when_all_must_succeed(path: Path) -> None:
    writers: dict[str, CopiesFiles] = {"good": CopyingWriter(), "bad": Failing(NoSpace("full at /bad"))}
    with pytest.raises(DeliveryFailed, match=r"Store 'bad': full at /bad") as caught:
        copy_into(path, writers, progress=SILENT, stop=NEVER, must_all=True)
    assert list(caught.value.failed) == ["bad"]


def test_all_failing_is_a_failure(path: Path) -> None:
    with pytest.raises(DeliveryFailed, match="gone"):
        copy_into(path, {"bad": Failing(Unavailable("gone"))}, progress=SILENT, stop=NEVER, must_all=False)


def test_stop_ends_it_as_what_it_is(path: Path) -> None:
    switch = Switch()
    switch.set = True
    with pytest.raises(Cancelled, match="stopped by the test"):
        copy_into(path, {"one": CopyingWriter()}, progress=SILENT, stop=switch, must_all=True)
    assert threads() == []


def test_a_missing_file_is_explained(tmp_path: Path) -> None:
    with pytest.raises(DeliveryFailed, match="No such file"):
        copy_into(tmp_path / "none", {"one": CopyingWriter()}, progress=SILENT, stop=NEVER, must_all=True)
