"""A real service for benchmarks: `glimpse serve` in a directory of its own, and what its processes cost."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from benchmarks.client import Client


@contextmanager
def service(
    directory: Path, options: str = "", plugins: str = "", database: str | None = None
) -> Iterator[tuple[Client, psutil.Process]]:
    """A running service with stores one, two and three, and its supervisor's process.

    ``database``: a URL; without it the embedded SQLite.
    """
    stores = ["one", "two", "three"]
    text = f"""[DEFAULT]
enabled_backends = {", ".join(f"{store}:file" for store in stores)}
{options}
[glance_store]
default_backend = one
[import_filtering_opts]
allowed_hosts = [127.0.0.1]
allowed_ports = []
[image_import_opts]
image_import_plugins = [{plugins}]
[os_glance_staging_store]
filesystem_store_datadir = {directory}/staging
"""
    if database is not None:
        text += f"[database]\nconnection = {database}\n"
    for store in stores:
        text += f"[{store}]\nfilesystem_store_datadir = {directory}/{store}\n"
    configuration = directory / "glance-api.conf"
    configuration.write_text(text)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    glimpse = Path(sys.executable).with_name("glimpse")
    command = [
        glimpse,
        "serve",
        "--port",
        str(port),
        "--data",
        directory / "data",
        "--config-file",
        configuration,
    ]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        client = Client(port)
        deadline = time.monotonic() + 60
        while True:
            try:
                if client.call("GET", "/healthcheck")[0] == 200:
                    break
            except OSError:
                pass
            if time.monotonic() > deadline or process.poll() is not None:
                raise SystemExit(f"the service did not start:\n{(directory / 'log').read_text()}")
            time.sleep(0.05)
        yield client, psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def resident(supervisor: psutil.Process) -> dict[str, int]:
    """Resident memory of each process of the service, in MiB, by what it is."""
    found: dict[str, int] = {}
    for process in [supervisor, *supervisor.children(recursive=True)]:
        try:
            words = process.cmdline()
            name = next((word for word in ("conductor", "api", "serve") if word in words), "api worker")
            while name in found:
                name += "+"
            found[name] = process.memory_info().rss >> 20
        except psutil.Error:
            continue
    return found


def written(supervisor: psutil.Process) -> int:
    """Bytes that the service's processes have caused to be written to disk so far."""
    total = 0
    for process in [supervisor, *supervisor.children(recursive=True)]:
        try:
            total += process.io_counters().write_bytes
        except psutil.Error:
            continue
    return total
