"""Logging as a process of its own sees it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import logging, sys
from pathlib import Path
from glimpse.cli.logs import configure
from glimpse.cli.main import fail
from glimpse.cli.options import source
from glimpse.errors import GlimpseError
try:
    configure(source((Path(sys.argv[1]),), (), Path(sys.argv[2])).load())
except GlimpseError as error:
    fail(error)
logging.getLogger("glimpse.imports").info("ours %s", 1)
logging.getLogger("glimpse.imports").debug("ours in detail")
logging.getLogger("library").info("theirs")
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("library").exception("broken")
"""


SECRETS = """
library = logging.getLogger("library")
library.warning("fetching %s with %r", "http://bob:hidden@host/x", {"X-Auth-Token": "hidden"})
try:
    raise RuntimeError("http://bob:hidden@host/x")
except RuntimeError as error:
    library.exception("it said: %s", error)
import threading
def broken():
    raise RuntimeError("http://bob:hidden@host/x")
thread = threading.Thread(target=broken)
thread.start()
thread.join()
broken()
"""


def log(directory: Path, options: str, more: str = "") -> subprocess.CompletedProcess[str]:
    """What a process with these options in [DEFAULT] says."""
    file = directory / "glance-api.conf"
    file.write_text(f"[DEFAULT]\n{options}")
    command = [sys.executable, "-c", CODE + more, str(file), str(directory / "data")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_ours_is_told_and_libraries_only_when_something_is_wrong(tmp_path: Path) -> None:
    said = log(tmp_path, "").stderr
    assert "INFO glimpse.imports: ours 1\n" in said
    assert "ERROR library: broken\nTraceback" in said
    assert "theirs" not in said
    assert "in detail" not in said


def test_debug_tells_every_detail(tmp_path: Path) -> None:
    said = log(tmp_path, "debug = true").stderr
    assert "DEBUG glimpse.imports: ours in detail\n" in said
    assert "INFO library: theirs\n" in said


def test_a_log_file_takes_the_place_of_standard_error(tmp_path: Path) -> None:
    assert log(tmp_path, f"log_dir = {tmp_path}\nlog_file = api.log").stderr == ""
    assert "ours 1" in (tmp_path / "api.log").read_text()
    assert "ours 1" in log(tmp_path, f"log_file = {tmp_path}/api.log\nuse_stderr = true").stderr


def test_json_is_one_object_a_line(tmp_path: Path) -> None:
    ours, broken = [json.loads(line) for line in log(tmp_path, "use_json = true").stderr.splitlines()]
    assert (ours["name"], ours["level"], ours["message"]) == ("glimpse.imports", "INFO", "ours 1")
    assert broken["exception"].endswith("ZeroDivisionError: division by zero")


def test_a_log_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    outcome = log(tmp_path, f"log_file = {tmp_path}/none/api.log")
    assert outcome.returncode == 1
    assert outcome.stderr == (
        f"glimpse: [DEFAULT] log_file: {tmp_path}/none/api.log cannot be written (No such file or directory)\n"
    )


@pytest.mark.parametrize("options", ["", "use_json = true"])
def test_secrets_do_not_get_into_the_log_whoever_logs_them(tmp_path: Path, options: str) -> None:
    said = log(tmp_path, options, SECRETS).stderr
    assert "hidden" not in said
    assert said.count("http://***@host/") == 5
    assert said.count("Nobody has caught this.") == 2
    assert "X-Auth-Token" in said


SERVER = """
from granian.log import LogLevels, configure_logging, logger
from glimpse.api.server import LOGGING
configure_logging(LogLevels.warning, LOGGING)
logger.error("http://bob:hidden@host/x")
logger.info("too much")
"""


def test_the_http_server_is_heard_in_the_same_log(tmp_path: Path) -> None:
    file = tmp_path / "api.log"
    spoken = log(tmp_path, f"log_file = {file}", SERVER)
    assert spoken.stdout == spoken.stderr == ""
    assert "ERROR _granian: http://***@host/x\n" in file.read_text()
    assert "too much" not in file.read_text()
