"""What every decompressor must do, as tests: subclass :class:`DecompressorSuite`, say which one, and run it with
pytest.

The smallest use (``tests/unit/transfer/decompress/test_gzip.py``)::

    class TestGzip(DecompressorSuite):
        def decompressor(self) -> Decompressor:
            return Gzip()

        def compress(self, data: bytes) -> bytes:
            return subprocess.run(["gzip", "-c"], input=data, capture_output=True, check=True).stdout
"""

import os
import random
import threading
import tracemalloc
from collections.abc import Iterator

import pytest

from glimpse.errors import GlimpseError, Invalid, TooLarge, Unavailable
from glimpse.transfer.decompress import Decompressor, Limits, decompressor, detect
from glimpse.transfer.extent import Buffer

MIB = 1 << 20
LARGEST = 4 * MIB
# What a decompressor may have in memory at a time beside its input; a bomb's output is far above.
MEMORY = 32 * MIB
# Bytes that pack well, badly and not at all.
MIXED = b"".join(
    bytes(70_000) + bytes(range(256)) * 300 + random.Random(part).randbytes(90_000) for part in range(12)
)
PLAIN = {"nothing": b"", "one byte": b"x", "mixed": MIXED, "zeros": bytes(9 * MIB + 1)}


class DecompressorSuite:
    """The contract of :class:`glimpse.transfer.decompress.Decompressor`."""

    # Whether damage in the middle is always found (a checksum covers the content).
    checked = True

    def decompressor(self) -> Decompressor:
        """The one that is tested."""
        raise NotImplementedError

    def compress(self, data: bytes) -> bytes:
        """``data`` as another program packs it."""
        raise NotImplementedError

    def unpacked(self, packed: bytes, step: int = MIB, limits: Limits | None = None) -> bytes:
        """What comes out of ``packed`` given in chunks of ``step`` bytes."""
        chunks = cut(packed, step)
        tool = self.decompressor()
        return b"".join(tool.decompress(chunks) if limits is None else tool.decompress(chunks, limits=limits))

    @pytest.fixture(autouse=True)
    def _leaves_no_thread(self) -> Iterator[None]:
        before = set(threading.enumerate())
        yield
        assert set(threading.enumerate()) <= before

    def test_is_registered_under_its_name_and_found_by_content(self) -> None:
        tool = self.decompressor()
        assert decompressor(tool.name).name == tool.name
        assert detect(self.compress(MIXED)[:512]) == tool.name
        assert not tool.matches(b"")
        assert not tool.matches(bytes(512))

    @pytest.mark.parametrize("step", [1000, 65536, 10 * MIB])
    @pytest.mark.parametrize("plain", PLAIN.values(), ids=PLAIN)
    def test_gives_what_was_packed(self, plain: bytes, step: int) -> None:
        assert self.unpacked(self.compress(plain), step) == plain

    def test_takes_single_bytes(self) -> None:
        assert self.unpacked(self.compress(b"one at a time" * 50), 1) == b"one at a time" * 50

    @pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
    def test_takes_every_kind_of_buffer(self, kind: type) -> None:
        chunks = [kind(chunk) for chunk in cut(self.compress(MIXED), 99_999)]
        assert b"".join(self.decompressor().decompress(chunks)) == MIXED

    def test_pieces_are_neither_empty_nor_too_large(self) -> None:
        packed = self.compress(bytes(50 * MIB))
        sizes = [len(piece) for piece in self.decompressor().decompress([packed])]
        assert sum(sizes) == 50 * MIB
        assert all(1 <= size <= LARGEST for size in sizes)

    def test_a_bomb_takes_no_memory(self) -> None:
        packed = self.compress(bytes(200 * MIB))
        tracemalloc.start()
        try:
            size = sum(len(piece) for piece in self.decompressor().decompress([packed]))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert size == 200 * MIB
        assert peak < MEMORY

    def test_a_bomb_ends_at_its_limit(self) -> None:
        got: list[int] = []
        pieces = self.decompressor().decompress([self.compress(bytes(100 * MIB))], limits=Limits(10 * MIB))
        with pytest.raises(TooLarge, match=str(10 * MIB)):
            got.extend(len(piece) for piece in pieces)
        assert sum(got) <= 10 * MIB

    def test_the_limit_itself_is_allowed(self) -> None:
        packed = self.compress(MIXED)
        assert self.unpacked(packed, limits=Limits(len(MIXED))) == MIXED
        with pytest.raises(TooLarge):
            self.unpacked(packed, limits=Limits(len(MIXED) - 1))

    def test_nothing_at_all_is_an_error(self) -> None:
        with pytest.raises(Invalid, match=self.decompressor().name):
            self.unpacked(b"")

    def test_other_data_is_an_error(self) -> None:
        with pytest.raises(Invalid, match=self.decompressor().name):
            self.unpacked(b"this is not packed at all" * 100)

    @pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.999])
    def test_truncation_is_found(self, kept: float) -> None:
        packed = self.compress(MIXED)
        with pytest.raises(Invalid, match=self.decompressor().name):
            self.unpacked(packed[: int(len(packed) * kept)])

    def test_every_missing_end_is_found(self) -> None:
        packed = self.compress(b"short")
        for length in range(1, len(packed)):
            with pytest.raises(Invalid):
                self.unpacked(packed[:length])

    def test_damage_is_found_or_does_no_harm(self) -> None:
        packed = self.compress(MIXED)
        chance = random.Random(1)
        for _ in range(30):
            damaged = bytearray(packed)
            damaged[chance.randrange(len(packed))] ^= 1 << chance.randrange(8)
            try:
                got = self.unpacked(bytes(damaged))
            except Invalid:
                continue
            assert got == MIXED or not self.checked

    def test_garbage_behind_the_end_is_an_error(self) -> None:
        with pytest.raises(Invalid, match=self.decompressor().name):
            self.unpacked(self.compress(b"content") + b"garbage")

    def test_noise_ends_with_an_error_and_not_otherwise(self) -> None:
        head = self.compress(MIXED)[:16]
        for _ in range(30):
            with pytest.raises(GlimpseError):
                self.unpacked(head + os.urandom(3000))

    def test_the_sources_error_passes(self) -> None:
        packed = self.compress(MIXED)

        def chunks() -> Iterator[Buffer]:
            yield packed[:1000]
            raise Unavailable("the source went away")

        with pytest.raises(Unavailable, match="the source went away"):
            list(self.decompressor().decompress(chunks()))

    def test_closing_early_closes_the_source(self) -> None:
        packed = self.compress(MIXED * 4)
        closed = threading.Event()

        def chunks() -> Iterator[Buffer]:
            try:
                yield from cut(packed, 100_000)
            finally:
                closed.set()

        pieces = self.decompressor().decompress(chunks())
        next(pieces)
        closing = getattr(pieces, "close", None)
        assert closing is not None, "the result must be an iterator that can be closed, as a generator is"
        closing()
        assert closed.is_set()


def cut(data: bytes, step: int) -> Iterator[Buffer]:
    """``data`` in chunks of ``step`` bytes."""
    for start in range(0, len(data), step):
        yield data[start : start + step]
