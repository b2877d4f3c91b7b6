import errno
import gzip
import hashlib
import os
import threading
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from glimpse.errors import Cancelled, GlimpseError, Invalid, NoSpace, TooLarge, Unavailable, UnsafeImage
from glimpse.transfer.batch import SPAN
from glimpse.transfer.decompress import decompressor
from glimpse.transfer.disk.judge import Finding
from glimpse.transfer.extent import Buffer, Extent
from glimpse.transfer.fanout import DeliveryFailed
from glimpse.transfer.run import deliver
from glimpse.transfer.sources.file import FileSource
from glimpse.transfer.streams import prefetch
from glimpse.transfer.zeros import extents, refine
from tests.unit.transfer.helpers import (
    DEADLINE,
    MIB,
    SOON,
    FailingWriter,
    Recorder,
    RecordingWriter,
    StuckWriter,
    Switch,
    cut,
    data_extents,
    endless,
    threads,
)

ALGORITHMS = ("md5", "sha512")
IMAGE = os.urandom(3 * MIB + 5) + bytes(7 * MIB) + os.urandom(MIB) + bytes(11)


def digests(data: bytes) -> dict[str, str]:
    return {name: hashlib.new(name, data).hexdigest() for name in ALGORITHMS}


class Listener:
    """An inspector that takes the digest of what it is shown for its format."""

    def __init__(self) -> None:
        self.seen = hashlib.sha1()

    def feed(self, data: Buffer) -> None:
        self.seen.update(data)

    def finish(self) -> Finding:
        return Finding(self.seen.hexdigest(), None, None)


class Skipper(Listener):
    """An inspector that only counts zeros."""

    def __init__(self) -> None:
        super().__init__()
        self.zeros = 0

    def feed_zeros(self, length: int) -> None:
        self.zeros += length


def test_one_pass_feeds_everything() -> None:
    writers = {"one": RecordingWriter(), "two": RecordingWriter(), "three": RecordingWriter()}
    progress = Recorder()
    done = deliver(
        extents(cut(IMAGE, 777_777)),
        writers,
        algorithms=ALGORITHMS,
        inspector=Listener(),
        progress=progress,
        total=len(IMAGE),
    )
    assert done.size == len(IMAGE)
    assert done.digests == digests(IMAGE)
    assert done.finding is not None
    assert done.finding.format == hashlib.sha1(IMAGE).hexdigest()
    assert done.ready == ("one", "two", "three")
    assert done.failed == {}
    for writer in writers.values():
        assert writer.content == IMAGE
        assert any(zero for _, _, zero in writer.extents), "zeros stay facts"
        assert not writer.committed
        assert not writer.aborted
    assert progress.phases == {
        phase: (len(IMAGE), len(IMAGE))
        for phase in ("deliver", "deliver:one", "deliver:two", "deliver:three")
    }
    assert threads() == []


def test_nothing_is_an_image_too() -> None:
    writer = RecordingWriter()
    done = deliver(iter(()), {"one": writer}, algorithms=ALGORITHMS, inspector=Listener())
    assert (done.size, done.ready) == (0, ("one",))
    assert done.digests == digests(b"")


def test_without_writers_it_still_looks() -> None:
    done = deliver(data_extents(IMAGE), {}, algorithms=ALGORITHMS)
    assert done.digests == digests(IMAGE)
    assert done.finding is None
    assert done.ready == ()


def test_a_large_hole_passes_in_pieces_and_is_never_a_buffer() -> None:
    writer = Sizes()
    progress = Recorder()
    inspector = Skipper()
    tracemalloc.start()
    done = deliver(iter([Extent(0, 1 << 37, None)]), {"one": writer}, inspector=inspector, progress=progress)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert done.size == writer.size == inspector.zeros == 1 << 37
    assert writer.largest == SPAN
    assert progress.reports >= (1 << 37) // SPAN
    assert peak < 8 * MIB


class Sizes(RecordingWriter):
    """Counts only."""

    def __init__(self) -> None:
        super().__init__()
        self.size = 0
        self.largest = 0

    def write(self, extent: Extent) -> None:
        self.size += extent.length
        self.largest = max(self.largest, extent.length)


def test_an_inspector_that_cannot_skip_is_shown_the_zeros() -> None:
    hole = [Extent(0, 3 * MIB + 1, None)]
    done = deliver(iter(hole), {}, inspector=Listener())
    assert done.finding is not None
    assert done.finding.format == hashlib.sha1(bytes(3 * MIB + 1)).hexdigest()


def test_a_gap_is_an_error_of_the_source() -> None:
    writer = RecordingWriter()
    with pytest.raises(GlimpseError, match="offset 10 where 4 was next"):
        deliver(iter([Extent(0, 4, b"abcd"), Extent(10, 1, b"x")]), {"one": writer})
    assert writer.aborted


def failing_source() -> Iterator[Extent]:
    yield from data_extents(os.urandom(3 * MIB))
    raise Unavailable("HTTP 503 from example.org")


def test_the_sources_error_comes_through_and_all_writers_are_aborted() -> None:
    writers = {"one": RecordingWriter(), "two": RecordingWriter()}
    with pytest.raises(Unavailable, match=r"HTTP 503 from example\.org"):
        deliver(failing_source(), writers, algorithms=ALGORITHMS)
    assert all(writer.aborted for writer in writers.values())
    assert threads() == []


def test_damaged_data_ends_the_delivery() -> None:
    packed = gzip.compress(os.urandom(9 * MIB))[:-100_000]
    writer = RecordingWriter()
    stream = decompressor("gzip").decompress(prefetch(cut(packed, 50_000)))
    with pytest.raises(Invalid, match="gzip data is truncated"):
        deliver(extents(stream), {"one": writer}, algorithms=ALGORITHMS)
    assert writer.aborted
    assert threads() == []


def test_an_inspectors_refusal_ends_the_delivery() -> None:
    class Strict(Listener):
        def feed(self, data: Buffer) -> None:
            raise UnsafeImage("declared qcow2 but the data is vmdk")

    writer = RecordingWriter()
    with pytest.raises(UnsafeImage, match="declared qcow2 but the data is vmdk"):
        deliver(endless(), {"one": writer}, algorithms=ALGORITHMS, inspector=Strict())
    assert writer.aborted
    assert threads() == []


def test_an_inspectors_verdict_at_the_end_takes_everything_back() -> None:
    class Late(Listener):
        def finish(self) -> Finding:
            raise UnsafeImage("refused after the last byte")

    writer = RecordingWriter()
    with pytest.raises(UnsafeImage, match="refused after the last byte"):
        deliver(data_extents(IMAGE), {"one": writer}, inspector=Late())
    assert writer.aborted
    assert threads() == []


def test_a_hash_workers_error_ends_the_delivery() -> None:
    def strided() -> Iterator[Extent]:
        yield Extent(0, 5, memoryview(bytes(10))[::2])
        for extent in endless():
            yield Extent(extent.offset + 5, extent.length, extent.data)

    writer = Sizes()
    with pytest.raises(GlimpseError, match="computing the md5 digest"):
        deliver(strided(), {"one": writer}, algorithms=["md5"])
    assert writer.aborted
    assert threads() == []


def test_an_unknown_algorithm_aborts_the_writers_too() -> None:
    writer = RecordingWriter()
    with pytest.raises(Invalid, match="'sha513'"):
        deliver(data_extents(IMAGE), {"one": writer}, algorithms=["sha513"])
    assert threads() == []
    assert writer.aborted


@pytest.mark.parametrize("cap", [0, MIB, len(IMAGE) - 1])
def test_an_image_beyond_the_cap_is_too_large(cap: int) -> None:
    writer = RecordingWriter()
    with pytest.raises(TooLarge, match=f"larger than the {cap} bytes"):
        deliver(data_extents(IMAGE), {"one": writer}, size_cap=cap)
    assert writer.aborted
    assert len(writer.content) <= cap


def test_an_image_of_exactly_the_cap_is_allowed() -> None:
    assert deliver(data_extents(IMAGE), {}, size_cap=len(IMAGE)).size == len(IMAGE)


def test_a_failing_writer_leaves_the_others_alone() -> None:
    good, bad = RecordingWriter(), FailingWriter(NoSpace("no space left at /bad"), 2 * MIB)
    done = deliver(data_extents(IMAGE), {"bad": bad, "good": good}, algorithms=ALGORITHMS, must_all=False)
    assert done.ready == ("good",)
    assert done.failed["bad"].message == "no space left at /bad"
    assert done.digests == digests(IMAGE)
    assert good.content == IMAGE
    assert bad.aborted
    assert not good.aborted


def test_all_stop_when_all_must_succeed() -> None:
    good, bad = RecordingWriter(), FailingWriter(OSError(errno.EIO, "Input/output error"), 2 * MIB)
    with pytest.raises(DeliveryFailed, match=r"Store 'bad'.*Input/output error") as caught:
        deliver(endless(), {"bad": bad, "good": good}, algorithms=ALGORITHMS)
    assert list(caught.value.failed) == ["bad"]
    assert good.aborted
    assert bad.aborted
    assert threads() == []


def silent() -> tuple[Iterator[Extent], threading.Event, threading.Event]:
    """A source that gives a MiB and then nothing; whether it waits; what lets it go."""
    waiting, release = threading.Event(), threading.Event()

    def give() -> Iterator[Extent]:
        yield Extent(0, MIB, bytes(MIB))
        waiting.set()
        assert release.wait(DEADLINE)

    return give(), waiting, release


def stopped_after(ready: threading.Event, source: Iterator[Extent], writer: RecordingWriter) -> float:
    """Seconds from the stop, set once ``ready`` is, to the end of the delivery."""
    switch = Switch()
    ended: list[float] = []

    def run() -> None:
        with pytest.raises(Cancelled, match="stopped by the test"):
            deliver(source, {"one": writer}, algorithms=ALGORITHMS, stop=switch)
        ended.append(time.monotonic())

    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(DEADLINE)
    begin = time.monotonic()
    switch.set = True
    thread.join(DEADLINE)
    return ended[0] - begin


def test_stop_while_the_source_is_silent() -> None:
    source, waiting, release = silent()
    writer = RecordingWriter()
    assert stopped_after(waiting, source, writer) < SOON
    assert writer.aborted
    release.set()


def test_stop_while_a_writer_hangs() -> None:
    writer = StuckWriter()
    assert stopped_after(writer.stuck, endless(), writer) < SOON
    writer.release.set()
    assert writer.gone.wait(DEADLINE)


def test_stop_while_a_writer_hangs_with_the_last_bytes() -> None:
    writer = StuckWriter()
    assert stopped_after(writer.stuck, iter([Extent(0, 3, b"abc")]), writer) < SOON
    writer.release.set()
    assert writer.gone.wait(DEADLINE)


def test_stop_inside_a_hole_without_end() -> None:
    begun = threading.Event()

    class Noticing(Sizes):
        def write(self, extent: Extent) -> None:
            super().write(extent)
            begun.set()

    writer = Noticing()
    assert stopped_after(begun, iter([Extent(0, 1 << 60, None)]), writer) < SOON
    assert writer.aborted
    assert threads() == []


def test_stop_while_everything_flows() -> None:
    begun = threading.Event()

    class Noticing(Sizes):
        def write(self, extent: Extent) -> None:
            super().write(extent)
            begun.set()

    assert stopped_after(begun, endless(), Noticing()) < SOON
    assert threads() == []


def test_memory_is_bounded_whatever_the_image(tmp_path: Path) -> None:
    class Slow(Sizes):
        def write(self, extent: Extent) -> None:
            super().write(extent)
            time.sleep(0.0005)  # A store slower than everything else, so that all queues are full.

    def fresh() -> Iterator[Buffer]:
        for number in range(150):
            # Half zeros and half data: small views of large chunks are the worst case.
            yield (bytes(65536) + bytes([number % 255 + 1]) * 65536) * 16

    packed = tmp_path / "image.gz"
    with gzip.open(packed, "wb", 1) as file:
        for piece in fresh():
            file.write(piece)
    source = FileSource(packed)
    tracemalloc.start()
    reading = prefetch(source.chunks(), closing=source.close)
    stream = decompressor("gzip").decompress(reading)
    done = deliver(extents(prefetch(stream)), {"slow": Slow(), "quick": Sizes()}, algorithms=ALGORITHMS)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    source.close()
    assert done.size == 150 * 32 * 65536
    assert peak < 64 * MIB


def test_an_image_goes_from_file_to_files_and_stays_sparse(tmp_path: Path) -> None:
    path = tmp_path / "image"
    with path.open("wb") as file:
        file.write(os.urandom(MIB))
        file.seek(50 * MIB)
        file.write(os.urandom(MIB))
        file.truncate(90 * MIB)
    source = FileSource(path)
    writer = RecordingWriter()
    done = deliver(refine(source.extents()), {"one": writer}, algorithms=ALGORITHMS)
    source.close()
    assert done.digests == digests(path.read_bytes())
    assert writer.content == path.read_bytes()
    assert sum(length for _, length, zero in writer.extents if zero) == 88 * MIB
