"""What ``make run`` does, from the command line to the bytes in the stores, and how the service stops."""

import filecmp
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
import pytest

ROOT = Path(__file__).parents[2]
DEADLINE = 60.0


@pytest.fixture
def port() -> int:
    """A port that is free."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = server.getsockname()[1]
        assert isinstance(found, int)
        return found


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example image of ``make run``."""
    path = tmp_path_factory.mktemp("example") / "example.qcow2.gz"
    environment = {**os.environ, "PYTHON": sys.executable}
    subprocess.run([ROOT / "scripts" / "example-image", path], check=True, env=environment)
    return path


def run(data: Path, port: int, **variables: str) -> subprocess.CompletedProcess[str]:
    """``make run`` after its set-up, with the environment that runs these tests."""
    environment = {
        **os.environ,
        "VENV": sys.prefix,
        "PYTHON": sys.executable,
        "DATA": str(data),
        "PORT": str(port),
    }
    return subprocess.run(
        [ROOT / "scripts" / "run"],
        env=environment | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE,
    )


def test_an_example_is_made_imported_and_shown(tmp_path: Path, port: int) -> None:
    data = tmp_path / "data"
    outcome = run(data, port, EXIT="1")
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert re.search(r"^  status +active$", outcome.stdout, re.MULTILINE)
    assert re.search(r"^  disk_format +raw$", outcome.stdout, re.MULTILINE)
    places = dict(re.findall(r"^  (\w+) +file://(\S+)$", outcome.stdout, re.MULTILINE))
    assert set(places) == {"main", "mirror"}

    plain = tmp_path / "plain.qcow2"
    with plain.open("wb") as file:
        subprocess.run(["gzip", "-dc", data / "example" / "example.qcow2.gz"], stdout=file, check=True)
    expected = tmp_path / "expected.raw"
    subprocess.run(["qemu-img", "convert", "-O", "raw", plain, expected], check=True)
    for place in places.values():
        assert filecmp.cmp(expected, place, shallow=False)
        assert Path(place).stat().st_blocks * 512 < expected.stat().st_size / 2, "holes were filled"
    subprocess.run(["/usr/sbin/e2fsck", "-fn", expected], check=True, capture_output=True)
    assert not list((data / "staging").iterdir())


def test_an_import_that_fails_is_the_exit_status(tmp_path: Path, port: int) -> None:
    broken = tmp_path / "broken.qcow2.gz"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", tmp_path / "disk", "4M"], check=True)
    subprocess.run(["gzip", "-k", tmp_path / "disk"], check=True)
    broken.write_bytes((tmp_path / "disk.gz").read_bytes()[:-20])
    outcome = run(tmp_path / "data", port, EXIT="1", IMAGE=str(broken))
    assert outcome.returncode == 1
    assert "the import failed: " in outcome.stderr
    assert "queued; it can be imported again" in outcome.stderr
    assert "Traceback" not in outcome.stderr


def runs(process: psutil.Process, command: str) -> bool:
    """Whether the process was started as this command; one that is ending has no command line any more."""
    try:
        return command in process.cmdline()
    except psutil.Error:
        return False


class Service:
    """A command that serves, as a process, from its ready line to its end. Used as a context manager."""

    def __init__(self, port: int, *command: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen([sys.executable, "-m", *command], stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        end = time.monotonic() + DEADLINE
        said = b""
        while b"glimpse: ready on " not in said:
            waited = select.select([self.process.stdout], [], [], max(0.0, end - time.monotonic()))[0]
            chunk = os.read(self.process.stdout.fileno(), 4096) if waited else b""
            if not chunk:
                self.process.kill()
                self.process.communicate()
                raise AssertionError(f"it was not ready in time: {said!r}")
            said += chunk

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        running = self.processes() if self.process.poll() is None else []
        self.process.kill()
        self.process.communicate()
        _, left = psutil.wait_procs(running, 20)
        for process in left:
            process.kill()
        assert not left

    def processes(self) -> list[psutil.Process]:
        """Everything that it has started."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def conductor(self) -> psutil.Process | None:
        """The conductor that runs now."""
        running = [process for process in self.processes() if runs(process, "conductor")]
        return running[0] if running else None

    def call(self, path: str) -> object:
        """What the API answers."""
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return json.load(answer)


@pytest.fixture
def service(tmp_path: Path, port: int) -> Iterator[Service]:
    """``glimpse serve``, of which nothing is left after the test."""
    with Service(
        port, "glimpse.cli", "serve", "--data", str(tmp_path / "data"), "--port", str(port)
    ) as running:
        yield running


def test_ctrl_c_stops_everything_within_seconds(service: Service) -> None:
    processes = service.processes()
    assert len(processes) >= 3  # the server, its worker, a conductor
    started = time.monotonic()
    service.process.send_signal(signal.SIGINT)
    assert service.process.wait(DEADLINE) == 0
    assert time.monotonic() - started < 10
    assert not psutil.wait_procs(processes, 0)[1]


def test_a_killed_supervisor_takes_everything_along(service: Service) -> None:
    processes = service.processes()
    service.process.kill()
    assert not psutil.wait_procs(processes, 20)[1]


def test_a_killed_conductor_is_replaced_and_imports_go_on(service: Service, example: Path) -> None:
    first = service.conductor()
    assert first is not None
    first.kill()
    command = [
        sys.executable,
        "-m",
        "glimpse.cli",
        "import",
        str(example),
        "--all-stores",
        "--endpoint",
        service.url,
    ]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False, timeout=DEADLINE)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    second = service.conductor()
    assert second is not None
    assert second.pid != first.pid


def test_a_killed_api_is_back_soon(service: Service) -> None:
    (server,) = [
        process for process in psutil.Process(service.process.pid).children() if runs(process, "api")
    ]
    workers = server.children(recursive=True)
    server.kill()
    assert not psutil.wait_procs([server, *workers], 20)[1]
    end = time.monotonic() + DEADLINE
    while True:
        try:
            assert service.call("/v2/images") is not None
            return
        except OSError:
            assert time.monotonic() < end
            time.sleep(0.05)


def test_glance_api_runs_the_configuration_of_an_operator(tmp_path: Path, port: int) -> None:
    drop_ins = tmp_path / "glance.conf.d"
    drop_ins.mkdir()
    (drop_ins / "00-config.conf").write_text(
        f"""[DEFAULT]
bind_host = localhost
bind_port = {port}
workers = 2
enabled_import_methods = [web-download,glance-direct]
node_staging_uri = file://{tmp_path}/os_glance_staging_store
use_keystone_limits = False
[glance_store]
stores = file,http
default_store = file
filesystem_store_datadir = {tmp_path}/images
[database]
connection = sqlite:///{tmp_path}/glance.db
[image_import_opts]
image_import_plugins = ['no_op']
"""
    )
    (drop_ins / "02-config.conf").write_text(
        "[image_import_opts]\nimage_import_plugins = ['image_decompression']\n"
    )
    image = tmp_path / "image.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", image, "4M"], check=True)
    subprocess.run(["gzip", "-k", image], check=True)
    options = ("--config-dir", str(drop_ins), "--data", str(tmp_path / "data"))
    with Service(port, "glimpse.cli.glance_api", *options) as service:
        servers = [process for process in service.processes() if runs(process, "api")]
        assert len(servers) == 3  # two workers under their server
        command = [sys.executable, "-m", "glimpse.cli", "import", f"{image}.gz", "--endpoint", service.url]
        outcome = subprocess.run(command, capture_output=True, text=True, check=False, timeout=DEADLINE)
        assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    (stored,) = (tmp_path / "images").iterdir()
    assert filecmp.cmp(image, stored, shallow=False)
