"""Uploads received from real sockets, into real files."""

import asyncio
import hashlib
import os
import random
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TypeVar

import pytest

from glimpse.errors import Invalid, NoSpace, TooLarge, Unavailable, UnsafeImage
from glimpse.staging.area import Area
from glimpse.staging.budget import ByteBudget
from glimpse.staging.ingest import Received, receive
from glimpse.staging.sink import Sink, StoreSink
from glimpse.stores.file import FileStore
from glimpse.stores.memory import MemoryStore
from glimpse.testing.faulty_store import Faults, FaultyStore
from glimpse.testing.smalldisk import small_disk
from glimpse.testing.store_suite import IMAGE, content
from glimpse.transfer.extent import Buffer

MIB = 1 << 20
CAP = 1 << 40
DEADLINE = 20.0

T = TypeVar("T")


@pytest.fixture
def area(tmp_path: Path) -> Area:
    return Area(tmp_path / "staging")


@pytest.fixture
def budget(request: pytest.FixtureRequest) -> ByteBudget:
    return ByteBudget(getattr(request, "param", 8 * MIB))


def names(area: Area) -> list[str]:
    return sorted(path.name for path in area.directory.iterdir())


def run(story: Coroutine[None, None, T]) -> T:
    async def in_time() -> T:
        async with asyncio.timeout(DEADLINE):
            return await story

    return asyncio.run(in_time())


class Ingest:
    """``receive`` with what every process has once."""

    def __init__(self, budget: ByteBudget, pool: ThreadPoolExecutor) -> None:
        self.budget = budget
        self.pool = pool

    async def __call__(
        self,
        chunks: AsyncIterator[Buffer],
        sink: Sink,
        *,
        digests: Sequence[str] = (),
        inspector: "Inspector | None" = None,
        expected_size: int | None = None,
        size_cap: int = CAP,
    ) -> Received[str]:
        return await receive(
            chunks,
            sink,
            budget=self.budget,
            pool=self.pool,
            digests=digests,
            inspector=inspector,
            expected_size=expected_size,
            size_cap=size_cap,
        )


@pytest.fixture
def ingest(budget: ByteBudget) -> Iterator[Ingest]:
    with ThreadPoolExecutor(4) as pool:
        yield Ingest(budget, pool)
        assert budget.held == 0


async def pieces(data: bytes, size: int) -> AsyncIterator[bytes]:
    for offset in range(0, len(data), size):
        yield data[offset : offset + size]


class Connection:
    """Two ends of a real socket: what the client sends, and what the server makes of it."""

    def __init__(
        self, client: asyncio.StreamWriter, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.client = client
        self.reader = reader
        self._writer = writer

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path) -> AsyncIterator["Connection"]:
        accepted: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Future()
        server = await asyncio.start_unix_server(lambda *ends: accepted.set_result(ends), path)
        _, client = await asyncio.open_unix_connection(path)
        connection = cls(client, *await accepted)
        server.close()
        try:
            yield connection
        finally:
            for end in (connection.client, connection._writer):
                # Not close(): that waits until the other side has read what is left.
                end.transport.abort()
                with suppress(ConnectionError):
                    await end.wait_closed()

    async def chunks(self) -> AsyncIterator[bytes]:
        """Everything up to the client's end; a client that just disappears is an error."""
        while chunk := await self.reader.read(256 << 10):
            yield chunk
        raise ConnectionResetError("the client has gone")


@pytest.mark.parametrize("size", [0, 1, 16 * 1024, MIB - 1, MIB, MIB + 1, 9 * MIB + 17])
@pytest.mark.parametrize("chunk", [1000, 64 * 1024, 3 * MIB])
def test_every_byte_arrives_and_is_hashed(area: Area, ingest: Ingest, size: int, chunk: int) -> None:
    data = random.Random(size).randbytes(size)
    writer = area.create(IMAGE, 1)
    received = run(ingest(pieces(data, chunk), writer, digests=("md5", "sha512")))
    assert writer.commit().path.read_bytes() == data
    assert received == Received(
        size, {"md5": hashlib.md5(data).hexdigest(), "sha512": hashlib.sha512(data).hexdigest()}, None
    )


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_buffer_will_do(area: Area, ingest: Ingest, kind: Callable[[bytes], Buffer]) -> None:
    async def chunks() -> AsyncIterator[Buffer]:
        for _ in range(3):
            yield kind(b"small")
            yield kind(b"large" * 10_000)

    writer = area.create(IMAGE, 1)
    run(ingest(chunks(), writer, digests=("sha256",)))
    assert writer.commit().path.read_bytes() == (b"small" + b"large" * 10_000) * 3


def test_nothing_is_hashed_unless_asked_for(area: Area, ingest: Ingest) -> None:
    received = run(ingest(pieces(b"data", 4), area.create(IMAGE, 1)))
    assert received.digests == {}


def test_a_stores_writer_gets_zeros_as_facts(tmp_path: Path, ingest: Ingest) -> None:
    store = FileStore("main", {"filesystem_store_datadir": tmp_path})
    data = os.urandom(MIB) + bytes(16 * MIB) + b"end"
    writer = store.writer(IMAGE, 1, len(data))
    received = run(
        ingest(
            pieces(data, 64 << 10),
            StoreSink(writer),
            digests=("md5",),
            expected_size=len(data),
        )
    )
    url = writer.commit()
    assert content(store, url) == data
    assert received.digests == {"md5": hashlib.md5(data).hexdigest()}
    assert (tmp_path / IMAGE).stat().st_blocks * 512 < 2 * MIB


@pytest.mark.parametrize("announced", [10 * MIB, 4 * MIB + 1])
def test_too_few_bytes_are_refused_with_both_numbers(area: Area, ingest: Ingest, announced: int) -> None:
    with pytest.raises(Invalid, match=rf"{announced} bytes were promised, but {4 * MIB} came"):
        run(
            ingest(
                pieces(bytes(4 * MIB), 100_000),
                area.create(IMAGE, 1),
                expected_size=announced,
            )
        )
    assert names(area) == []


@pytest.mark.parametrize(
    ("expected", "cap", "kind"),
    [(3 * MIB, CAP, Invalid), (None, 3 * MIB, TooLarge)],
    ids=["announced size", "size cap"],
)
def test_too_many_bytes_end_the_upload_at_once(
    area: Area,
    ingest: Ingest,
    tmp_path: Path,
    expected: int | None,
    cap: int,
    kind: type[Exception],
) -> None:
    async def story() -> None:
        async with Connection.open(tmp_path / "socket") as connection:
            connection.client.write(bytes(4 * MIB))
            # The client neither goes on nor closes: whoever waited for the end would wait for ever.
            with pytest.raises(kind, match=str(3 * MIB)):
                await ingest(
                    connection.chunks(),
                    area.create(IMAGE, 1),
                    expected_size=expected,
                    size_cap=cap,
                )

    run(story())
    assert names(area) == []


def test_an_announced_size_above_the_cap_is_refused_before_the_first_byte(area: Area, ingest: Ingest) -> None:
    read = False

    async def untouched() -> AsyncIterator[bytes]:
        nonlocal read
        read = True
        yield b""

    with pytest.raises(TooLarge, match="101 bytes are announced, 100 are allowed"):
        run(
            ingest(
                untouched(),
                area.create(IMAGE, 1),
                expected_size=101,
                size_cap=100,
            )
        )
    assert not read
    assert names(area) == []


def test_a_client_that_goes_away_leaves_nothing(area: Area, ingest: Ingest, tmp_path: Path) -> None:
    async def story() -> None:
        async with Connection.open(tmp_path / "socket") as connection:
            upload = asyncio.ensure_future(
                ingest(
                    connection.chunks(),
                    area.create(IMAGE, 1),
                    digests=("md5", "sha512"),
                )
            )
            connection.client.write(os.urandom(5 * MIB))
            await connection.client.drain()
            connection.client.close()
            with pytest.raises(ConnectionResetError):
                await upload

    run(story())
    assert names(area) == []


def test_a_full_disk_ends_the_upload_while_the_client_is_silent(ingest: Ingest, tmp_path: Path) -> None:
    async def story(area: Area) -> None:
        async with Connection.open(tmp_path / "socket") as connection:
            connection.client.write(os.urandom(5 * MIB))
            with pytest.raises(NoSpace, match="No space left"):
                await ingest(connection.chunks(), area.create(IMAGE, 1))
            task = asyncio.current_task()
            assert task is not None
            assert task.cancelling() == 0

    with small_disk(4 * MIB) as disk:
        area = Area(disk / "staging")
        run(story(area))
        assert names(area) == []
        assert area.free() > 3 * MIB


def test_a_cancelled_upload_leaves_nothing_and_is_cancelled(
    area: Area, ingest: Ingest, tmp_path: Path
) -> None:
    async def story() -> None:
        async with Connection.open(tmp_path / "socket") as connection:
            upload = asyncio.ensure_future(ingest(connection.chunks(), area.create(IMAGE, 1)))
            connection.client.write(os.urandom(3 * MIB))
            await connection.client.drain()
            await asyncio.sleep(0)
            upload.cancel()
            with pytest.raises(asyncio.CancelledError):
                await upload

    run(story())
    assert names(area) == []


def test_a_cancelled_upload_waits_for_the_thread_that_writes_for_it(ingest: Ingest, tmp_path: Path) -> None:
    faults = Faults()
    faults.gate.clear()
    inner = FileStore("main", {"filesystem_store_datadir": tmp_path})
    store = FaultyStore(inner, faults)

    async def story() -> None:
        sink = Watched(StoreSink(store.writer(IMAGE, 1, None)))
        upload = asyncio.ensure_future(ingest(pieces(os.urandom(2 * MIB), MIB), sink))
        await asyncio.to_thread(faults.writing.wait, DEADLINE)
        upload.cancel()
        await asyncio.sleep(0.05)
        upload.cancel()
        await asyncio.sleep(0.05)
        assert not sink.aborted.is_set()
        faults.gate.set()
        with pytest.raises(asyncio.CancelledError):
            await upload
        assert sink.aborted.is_set()
        assert sink.writes == 1, "what was queued is not written any more"

    run(story())
    assert list(tmp_path.iterdir()) == []


class Watched:
    """A sink that tells what was asked of it; its first write fails if it was given an error."""

    def __init__(self, sink: Sink, error: Exception | None = None) -> None:
        self.aborted = threading.Event()
        self.writes = 0
        self._sink = sink
        self._error = error

    def write(self, data: Buffer) -> None:
        self.writes += 1
        self._sink.write(data)
        if self._error is not None:
            raise self._error

    def abort(self) -> None:
        self.aborted.set()
        self._sink.abort()


def test_a_failure_ends_the_wait_for_a_silent_client(ingest: Ingest, tmp_path: Path) -> None:
    faults = Faults(fail_after=0)
    faults.gate.clear()
    store = FaultyStore(FileStore("main", {"filesystem_store_datadir": tmp_path / "images"}), faults)
    (tmp_path / "images").mkdir()

    async def story() -> None:
        async with Connection.open(tmp_path / "socket") as connection:
            connection.client.write(os.urandom(MIB))
            sink = StoreSink(store.writer(IMAGE, 1, None))
            upload = asyncio.ensure_future(ingest(connection.chunks(), sink))
            await asyncio.to_thread(faults.writing.wait, DEADLINE)
            # Nothing more comes: the upload waits for the client, and the client for nothing.
            faults.gate.set()
            await asyncio.wait([upload], timeout=DEADLINE / 2)
            assert isinstance(upload.exception(), Unavailable)

    run(story())
    assert list((tmp_path / "images").iterdir()) == []


def test_nothing_is_written_after_a_failed_write(area: Area, ingest: Ingest) -> None:
    faults = Faults()
    faults.gate.clear()
    store = FaultyStore(MemoryStore("memory"), faults)
    sink = Watched(StoreSink(store.writer(IMAGE, 1, None)), Unavailable("once"))

    async def story() -> None:
        upload = asyncio.ensure_future(ingest(pieces(os.urandom(3 * MIB), MIB), sink))
        await asyncio.to_thread(faults.writing.wait, DEADLINE)
        faults.gate.set()
        with pytest.raises(Unavailable, match="once"):
            await upload

    run(story())
    assert sink.writes == 1


def test_a_failing_store_ends_the_upload(ingest: Ingest, tmp_path: Path) -> None:
    store = FaultyStore(FileStore("main", {"filesystem_store_datadir": tmp_path}), Faults(fail_after=MIB + 5))
    with pytest.raises(Unavailable, match="as it was told to"):
        run(
            ingest(
                pieces(os.urandom(50 * MIB), 256 << 10),
                StoreSink(store.writer(IMAGE, 1, None)),
                digests=("md5", "sha512"),
            )
        )
    assert list(tmp_path.iterdir()) == []


class Inspector:
    """Remembers what passed, and may be told to refuse."""

    def __init__(self, refuse_after: int = CAP) -> None:
        self.seen = bytearray()
        self._refuse_after = refuse_after

    def feed(self, data: Buffer) -> None:
        self.seen += data
        if len(self.seen) > self._refuse_after:
            raise UnsafeImage("This is no image.")

    def finish(self) -> str:
        return f"{len(self.seen)} bytes of something"


def test_an_inspector_sees_every_byte_in_order(area: Area, ingest: Ingest) -> None:
    data, inspector = os.urandom(3 * MIB), Inspector()
    received = run(
        ingest(
            pieces(data, 5000),
            area.create(IMAGE, 1),
            inspector=inspector,
        )
    )
    assert inspector.seen == data
    assert received.finding == f"{3 * MIB} bytes of something"


def test_an_inspector_may_end_the_upload(area: Area, ingest: Ingest) -> None:
    with pytest.raises(UnsafeImage, match="no image"):
        run(
            ingest(
                pieces(os.urandom(9 * MIB), 5000),
                area.create(IMAGE, 1),
                inspector=Inspector(refuse_after=2 * MIB),
            )
        )
    assert names(area) == []


@pytest.mark.parametrize("budget", [MIB], indirect=True)
def test_what_a_silent_client_holds_back_makes_room_for_others(
    area: Area, ingest: Ingest, budget: ByteBudget, tmp_path: Path
) -> None:
    held_back = 900 << 10
    all_there = asyncio.Event()

    async def story() -> None:
        async with Connection.open(tmp_path / "silent") as silent:
            silent.client.write(bytes(held_back))

            async def chunks() -> AsyncIterator[bytes]:
                async for chunk in silent.chunks():
                    if budget.held + len(chunk) == held_back:
                        all_there.set()
                    yield chunk

            held = asyncio.ensure_future(ingest(chunks(), area.create(IMAGE, 1)))
            await all_there.wait()
            writer = area.create(IMAGE, 2)
            received = await ingest(pieces(os.urandom(8 * MIB), 200_000), writer)
            assert received.length == 8 * MIB
            assert budget.held == 0
            assert not held.done()
            held.cancel()
            await asyncio.gather(held, return_exceptions=True)

    run(story())


@pytest.mark.parametrize("budget", [4 * MIB], indirect=True)
def test_the_budget_bounds_what_all_uploads_hold(area: Area, ingest: Ingest, budget: ByteBudget) -> None:
    uploads, chunk, most = 50, 64 << 10, 0

    async def watched(data: bytes) -> AsyncIterator[bytes]:
        nonlocal most
        async for piece in pieces(data, chunk):
            most = max(most, budget.held)
            yield piece
            await asyncio.sleep(0)

    async def one(number: int) -> None:
        data = random.Random(number).randbytes(2 * MIB)
        writer = area.create(IMAGE, number)
        received = await ingest(watched(data), writer, digests=("md5",))
        assert received.digests["md5"] == hashlib.md5(data).hexdigest()
        writer.abort()

    async def story() -> None:
        await asyncio.gather(*(one(number) for number in range(uploads)))

    run(story())
    # Each upload may have been let in for one chunk just before the budget was used up.
    assert 2 * MIB < most <= 4 * MIB + uploads * chunk
