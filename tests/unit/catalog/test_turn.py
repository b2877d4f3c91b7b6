import subprocess
import sys
import threading
from pathlib import Path

from glimpse.catalog.turn import Turn

HOLDER = """
import sys
from pathlib import Path
from glimpse.catalog.turn import Turn
with Turn(Path(sys.argv[1])):
    print("mine", flush=True)
    sys.stdin.read()
"""


def holder(file: Path) -> "subprocess.Popen[bytes]":
    """Another process whose turn it is."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, file], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"mine\n"
    return process


def waiting(file: Path) -> tuple[threading.Thread, threading.Event]:
    """A thread of this process that asks for its turn, and what is set when it has it."""
    entered = threading.Event()

    def ask() -> None:
        with Turn(file):
            entered.set()

    thread = threading.Thread(target=ask)
    thread.start()
    return thread, entered


def test_processes_take_turns(tmp_path: Path) -> None:
    with holder(tmp_path / "db") as other:
        thread, entered = waiting(tmp_path / "db")
        assert not entered.wait(0.2)
        other.communicate(b"")
        assert entered.wait(10)
        thread.join()


def test_a_process_that_is_killed_does_not_keep_its_turn(tmp_path: Path) -> None:
    with holder(tmp_path / "db") as other:
        thread, entered = waiting(tmp_path / "db")
        assert not entered.wait(0.2)
        other.kill()
        assert entered.wait(10)
        thread.join()


def test_threads_take_turns(tmp_path: Path) -> None:
    turn = Turn(tmp_path / "db")
    entered = threading.Event()

    def ask() -> None:
        with turn:
            entered.set()

    thread = threading.Thread(target=ask)
    with turn:
        thread.start()
        assert not entered.wait(0.2)
    assert entered.wait(10)
    thread.join()


def test_where_no_file_can_be_made_threads_still_take_turns(tmp_path: Path) -> None:
    turn = Turn(tmp_path / "missing" / "db")
    for _ in range(2):
        with turn:
            assert turn._threads.locked()
