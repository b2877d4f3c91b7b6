"""Children can do what they are for, and nothing else."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from glimpse.transfer.confine import (
    Argument,
    ChildLimits,
    Confinement,
    Input,
    Output,
    ToolMissing,
    default,
    probe,
    spawn,
)

LIMITS = ChildLimits(cpu_seconds=10, address_space=1 << 30)
BOTH = pytest.mark.parametrize(
    "confinement", [probe(), probe(bubblewrap=False)], ids=["bubblewrap", "limits-only"]
)


def run(
    *argv: Argument, confinement: Confinement, limits: ChildLimits = LIMITS, stdin: bytes = b""
) -> tuple[int, str, str]:
    """Exit status, output and errors of a confined program."""
    stdin_end, feeding = os.pipe()
    os.write(feeding, stdin)
    os.close(feeding)
    reading, stdout_end = os.pipe()
    child = spawn(argv, confinement=confinement, limits=limits, stdin=stdin_end, stdout=stdout_end)
    try:
        os.close(stdin_end)
        os.close(stdout_end)
        with os.fdopen(reading, "rb") as file:
            output = file.read()
        return child.wait(30), output.decode(), child.errors()
    finally:
        child.stop()


def test_this_machine_has_bubblewrap_and_nothing_to_warn_of() -> None:
    assert probe().bubblewrap is not None
    assert probe().warning is None
    assert default() == probe()


def test_without_bubblewrap_there_is_one_warning_that_says_what_is_left() -> None:
    confinement = probe(bubblewrap=False)
    assert confinement.bubblewrap is None
    assert confinement.warning is not None
    assert "without bubblewrap" in confinement.warning
    assert "resource limits" in confinement.warning
    assert "\n" not in confinement.warning


@BOTH
def test_reads_its_input_and_writes_its_output(confinement: Confinement, tmp_path: Path) -> None:
    (tmp_path / "source").write_text("content")
    (tmp_path / "target").touch()
    status, _, errors = run(
        "cp", Input(tmp_path / "source"), Output(tmp_path / "target"), confinement=confinement
    )
    assert (status, errors) == (0, "")
    assert (tmp_path / "target").read_text() == "content"


@BOTH
def test_joins_pipes(confinement: Confinement) -> None:
    assert run("cat", confinement=confinement, stdin=b"through") == (0, "through", "")


def test_sees_no_file_of_the_host() -> None:
    for path in (
        "/etc/passwd",
        "/etc/shadow",
        "/root",
        "/home",
        "/proc/1/environ",
        "/tmp",
        "/sys",
        "/dev/vda",
    ):
        status, output, errors = run("cat", path, confinement=probe())
        assert (status, output) == (1, ""), path
        assert "No such file or directory" in errors, path


def test_cannot_write_where_it_was_not_told_to(tmp_path: Path) -> None:
    (tmp_path / "input").write_text("before")
    status, _, errors = run("truncate", "--size=0", Input(tmp_path / "input"), confinement=probe())
    assert status == 1
    assert "Read-only file system" in errors
    assert (tmp_path / "input").read_text() == "before"
    for place in ("/new", "/usr/lib/new", "/in/new"):
        status, _, errors = run("touch", place, confinement=probe())
        assert status == 1, place
        assert "Read-only file system" in errors or "No such file" in errors, place


@BOTH
def test_reaches_no_network(confinement: Confinement) -> None:
    if confinement.bubblewrap is None and not confinement.own_network:
        pytest.skip("a network of its own needs root or bubblewrap")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        connect = f"exec 3<>/dev/tcp/127.0.0.1/{port} && echo connected"
        plain = subprocess.run(
            ["bash", "-c", connect], capture_output=True, text=True, timeout=10, check=True
        )
        assert plain.stdout == "connected\n"
        status, output, _ = run("bash", "-c", connect, confinement=confinement)
        assert (status, output) == (1, "")


@BOTH
def test_has_no_environment_of_the_service(confinement: Confinement, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OS_PASSWORD", "secret")
    _, output, _ = run("env", confinement=confinement)
    assert {line.split("=")[0] for line in output.splitlines()} <= {
        "PATH",
        "LC_ALL",
        "MALLOC_ARENA_MAX",
        "PWD",
    }


@BOTH
def test_has_no_descriptors_of_the_service(confinement: Confinement, tmp_path: Path) -> None:
    with (tmp_path / "secret").open("w+") as file:
        os.set_inheritable(file.fileno(), True)
        script = f"read line <&{file.fileno()}"
        status, _, errors = run("bash", "-c", script, confinement=confinement)
    assert status != 0
    assert "Bad file descriptor" in errors


@BOTH
def test_cpu_time_is_limited(confinement: Confinement) -> None:
    limits = ChildLimits(cpu_seconds=1, address_space=1 << 30)
    started = time.monotonic()
    status, _, _ = run("bash", "-c", "while :; do :; done", confinement=confinement, limits=limits)
    assert status == -24  # SIGXCPU
    assert time.monotonic() - started < 20


@BOTH
def test_a_program_may_earn_cpu_time_up_to_its_most(confinement: Confinement) -> None:
    limits = ChildLimits(cpu_seconds=1, address_space=1 << 30, cpu_most=3)
    _, output, errors = run(
        "bash", "-c", "ulimit -S -t 3; ulimit -S -t; ulimit -S -t 9", confinement=confinement, limits=limits
    )
    assert output == "3\n"
    assert "cannot modify limit" in errors


@BOTH
def test_sees_what_it_needs_beyond_the_system(confinement: Confinement, tmp_path: Path) -> None:
    needed = tmp_path / "needed"
    needed.write_text("here")
    reading, writing = os.pipe()
    child = spawn(
        ["cat", str(needed)], confinement=confinement, limits=LIMITS, stdout=writing, needs=[needed]
    )
    try:
        os.close(writing)
        with os.fdopen(reading, "rb") as file:
            assert file.read() == b"here"
        assert child.wait(30) == 0
    finally:
        child.stop()


@BOTH
def test_memory_is_limited(confinement: Confinement) -> None:
    limits = ChildLimits(cpu_seconds=10, address_space=64 << 20)
    program = ["dd", "if=/dev/null", "of=/dev/null", "bs=128M", "count=1"]
    assert run(*program, confinement=confinement)[0] == 0
    status, _, errors = run(*program, confinement=confinement, limits=limits)
    assert status == 1
    assert "memory exhausted" in errors


@BOTH
def test_file_size_is_limited(confinement: Confinement, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.touch()
    limits = ChildLimits(cpu_seconds=10, address_space=1 << 30, file_size=4096)
    status, _, _ = run("truncate", "--size=5000", Output(target), confinement=confinement, limits=limits)
    assert status == -25  # SIGXFSZ
    assert target.stat().st_size == 0


@BOTH
def test_has_no_capabilities(confinement: Confinement) -> None:
    reading, writing = os.pipe()
    child = spawn(["cat"], confinement=confinement, limits=LIMITS, stdin=reading)
    try:
        os.close(reading)
        inner = _until_there(child.pid, "cat")
        status = dict(
            line.split(":\t")
            for line in Path(f"/proc/{inner.pid}/status").read_text().splitlines()
            if ":\t" in line
        )
        assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
        assert status["NoNewPrivs"] == "1"
    finally:
        os.close(writing)
        child.stop()


@BOTH
def test_messages_have_no_paths_of_the_host(confinement: Confinement, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    _, _, errors = run("cat", Input(tmp_path / "source"), confinement=confinement)
    assert errors == "cat: the image: Is a directory"


@BOTH
def test_messages_are_short(confinement: Confinement) -> None:
    _, _, errors = run("bash", "-c", "for i in {1..5000}; do echo long >&2; done", confinement=confinement)
    assert len(errors) < 500


@BOTH
def test_missing_program_is_a_clear_error(confinement: Confinement) -> None:
    with pytest.raises(ToolMissing, match="no-such-program is not installed"):
        spawn(["no-such-program"], confinement=confinement, limits=LIMITS)


def test_a_bubblewrap_that_does_not_work_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from glimpse.transfer import confine

    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(confine, "_SEARCH_PATH", f"{tmp_path}:{confine._SEARCH_PATH}")
    confinement = probe()
    assert confinement.bubblewrap is None
    assert confinement.warning is not None
    assert "No permissions to create new namespace" in confinement.warning
    assert run("cat", confinement=confinement, stdin=b"x")[:2] == (0, "x")


@BOTH
def test_dies_with_its_parent(confinement: Confinement) -> None:
    """A service killed with SIGKILL cannot clean up; the kernel does."""
    with _service(confinement) as service:
        assert service.stdout is not None
        inner = psutil.Process(int(service.stdout.readline()))
        assert inner.name() == "cat"
        service.kill()
        service.wait(10)
        deadline = time.monotonic() + 10
        # Its new parent reaps it some time; until then it is a zombie, which runs nothing.
        with suppress(psutil.NoSuchProcess):
            while inner.status() != psutil.STATUS_ZOMBIE:
                assert time.monotonic() < deadline
                time.sleep(0.01)


@contextmanager
def _service(confinement: Confinement) -> Iterator["subprocess.Popen[str]"]:
    """A process that spawns a confined cat, tells its process id, and waits."""
    code = f"""
import os, psutil, time
from glimpse.transfer.confine import ChildLimits, Confinement, spawn
reading, writing = os.pipe()
child = spawn(["cat"], confinement={confinement!r}, limits=ChildLimits(10, 1 << 30), stdin=reading)
while True:
    for process in psutil.Process().children(recursive=True):
        if process.name() == "cat":
            print(process.pid, flush=True)
            time.sleep(60)
    time.sleep(0.01)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _until_there(pid: int, name: str) -> psutil.Process:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        for process in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
            if process.name() == name:
                return process
        time.sleep(0.01)
    raise AssertionError(f"{name} did not start")
