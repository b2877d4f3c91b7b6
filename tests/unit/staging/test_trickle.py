"""Thousands of slow uploads at once: few threads, flat memory, a lively event loop, and no byte wrong."""

import asyncio
import hashlib
import resource
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from glimpse.staging.area import Area
from glimpse.staging.budget import ByteBudget
from glimpse.staging.ingest import Received, receive
from tests.unit.staging.trickle import PIECE

CLIENTS = 2000
SECONDS = 3.0
BUDGET = 4 << 20
THREADS = 4
DEADLINE = 60.0


@pytest.fixture(autouse=True)
def _many_files() -> Iterator[None]:
    """Two descriptors for each upload: its socket and its file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 3 * CLIENTS:
        pytest.skip(f"only {hard} files may be open here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def resident() -> int:
    """Bytes of memory that this process has now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


class Watch:
    """What the process was like at its worst while the uploads ran."""

    def __init__(self, budget: ByteBudget) -> None:
        self.held = 0
        self.threads = 0
        self.memory = 0
        self.delays: list[float] = []
        self._budget = budget
        # Other tests in this process may have left theirs idle.
        self._idle = threading.active_count()

    async def look(self) -> None:
        tick = 0.005
        while True:
            before = time.perf_counter()
            await asyncio.sleep(tick)
            self.delays.append(time.perf_counter() - before - tick)
            self.held = max(self.held, self._budget.held)
            self.threads = max(self.threads, threading.active_count() - self._idle)
            self.memory = max(self.memory, resident())

    @property
    def p99(self) -> float:
        return sorted(self.delays)[int(len(self.delays) * 0.99)]


class Server:
    """Stages whatever comes in, each connection as an image of its own."""

    def __init__(self, area: Area, budget: ByteBudget, pool: ThreadPoolExecutor) -> None:
        self.received: list[Received[object]] = []
        self.all_here = asyncio.Event()
        self.all_done = asyncio.Event()
        self._area = area
        self._budget = budget
        self._pool = pool
        self._begun = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._begun += 1
        if self._begun == CLIENTS:
            self.all_here.set()
        sink = self._area.create(f"image-{self._begun}", 1)
        received: Received[object] = await receive(
            pieces(reader, writer),
            sink,
            budget=self._budget,
            pool=self._pool,
            digests=("md5", "sha512"),
            size_cap=1 << 40,
        )
        sink.commit()
        writer.close()
        self.received.append(received)
        if len(self.received) == CLIENTS:
            self.all_done.set()


async def pieces(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> AsyncIterator[bytes]:
    while piece := await reader.read(64 << 10):
        writer.write(b".")
        yield piece


@contextmanager
def crowd(path: Path) -> Iterator[subprocess.Popen[str]]:
    script = Path(__file__).with_name("trickle.py")
    command = [sys.executable, str(script), str(path), str(CLIENTS), str(SECONDS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


async def story(area: Area, path: Path, pool: ThreadPoolExecutor) -> tuple[Server, Watch, int]:
    budget = ByteBudget(BUDGET)
    server, watch = Server(area, budget, pool), Watch(budget)
    listening = await asyncio.start_unix_server(server.serve, path, backlog=CLIENTS)
    with crowd(path) as process:
        async with asyncio.timeout(DEADLINE):
            await server.all_here.wait()
            watching = asyncio.ensure_future(watch.look())
            await server.all_done.wait()
            watching.cancel()
            sent, _ = await asyncio.to_thread(process.communicate)
    listening.close()
    return server, watch, int(sent)


def test_two_thousand_slow_uploads(tmp_path: Path) -> None:
    area = Area(tmp_path / "staging")
    area.check()
    before = resident()
    with ThreadPoolExecutor(THREADS, "ingest") as pool:
        server, watch, sent = asyncio.run(story(area, tmp_path / "socket", pool))
    print(
        f"{CLIENTS} uploads: loop late by {watch.p99 * 1000:.1f} ms (p99), {watch.held >> 10} KiB held, "
        f"{(watch.memory - before) >> 20} MiB more memory, {watch.threads} threads"
    )
    data = PIECE * (sent // len(PIECE))
    expected = {"md5": hashlib.md5(data).hexdigest(), "sha512": hashlib.sha512(data).hexdigest()}
    assert all(received.length == sent and received.digests == expected for received in server.received)
    assert {path.stat().st_size for path in area.directory.iterdir()} == {sent}
    # Without a budget nearly all would be held: none of them has sent the MiB that is worth a thread's time. Beyond
    # the budget, each was let in for one read, and a read brings one piece.
    assert sent * CLIENTS > 10 * BUDGET
    assert watch.held <= BUDGET + CLIENTS * len(PIECE)
    # Beside the bytes, a connection has its socket, its task and its digests: 20 to 30 KiB.
    assert watch.memory - before < BUDGET + CLIENTS * (40 << 10)
    assert watch.threads <= THREADS + 1
