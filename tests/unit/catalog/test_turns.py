"""Turns at writing to a SQLite file."""

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import make_url

from glimpse.catalog import turns
from glimpse.catalog.turns import Turns

# Reads a number and writes it back raised by one, as often as it is told.
RAISE = """
import sys
from pathlib import Path
from sqlalchemy import make_url
from glimpse.catalog.turns import Turns
database, number, times = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
mine = Turns(make_url(f"sqlite:///{database}"))
for _ in range(times):
    with mine.turn():
        number.write_text(str(int(number.read_text()) + 1))
"""
# Takes its turn, says so, and keeps it.
KEEP = """
import sys
from sqlalchemy import make_url
from glimpse.catalog.turns import Turns
with Turns(make_url(f"sqlite:///{sys.argv[1]}")).turn():
    print("mine", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "glimpse.db"


def of(database: Path) -> Turns:
    return Turns(make_url(f"sqlite:///{database}"))


def test_processes_take_turns(database: Path, tmp_path: Path) -> None:
    number = tmp_path / "number"
    number.write_text("0")
    command = [sys.executable, "-c", RAISE, str(database), str(number), "300"]
    for process in [subprocess.Popen(command) for _ in range(3)]:
        assert process.wait(60) == 0
    assert number.read_text() == "900"


def test_threads_take_turns(database: Path, tmp_path: Path) -> None:
    shared, number = of(database), tmp_path / "number"
    number.write_text("0")

    def work() -> None:
        for _ in range(200):
            with shared.turn():
                number.write_text(str(int(number.read_text()) + 1))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert number.read_text() == "800"


def test_a_process_that_dies_leaves_its_turn_to_others(database: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", KEEP, str(database)], stdin=-1, stdout=-1) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"mine\n"
        process.kill()
        with of(database).turn():
            assert process.wait(10) != 0


def test_who_waits_for_too_long_is_told(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "SQLITE_BUSY_SECONDS", 0.05)
    mine, other = of(database), of(database)
    with mine.turn(), pytest.raises(sqlite3.OperationalError, match="locked"), other.turn():
        pytest.fail("two at a time")
    with other.turn():
        pass


def test_a_file_that_cannot_be_made_is_named(database: Path) -> None:
    with (
        pytest.raises(sqlite3.OperationalError, match=r"nowhere/glimpse\.db-turn: No such file"),
        of(database.parent / "nowhere" / database.name).turn(),
    ):
        pytest.fail("there is no such directory")


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_has_no_file(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    mine = Turns(make_url(url))
    with mine.turn():
        assert list(tmp_path.iterdir()) == []
    mine.close()
