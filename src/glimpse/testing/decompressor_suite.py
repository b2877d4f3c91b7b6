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
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glimpse.errors import GlimpseError, Invalid, TooLarge, Unavailable
from glimpse.transfer.decompress import Decompressor, Limits, base, decompressor, detect
from glimpse.transfer.extent import Buffer

MIB = 1 << 20
LARGEST = 4 * MIB
# What a process may take more than the decoder itself does: pieces on their way, and what the allocator keeps.
SPARE = 16 * MIB
# Bytes that pack well, badly and not at all.
MIXED = b"".join(
    bytes(70_000) + bytes(range(256)) * 300 + random.Random(part).randbytes(90_000) for part in range(12)
)
PLAIN = {"nothing": b"", "one byte": b"x", "mixed": MIXED, "zeros": bytes(9 * MIB + 1)}
# Small enough to be damaged in every byte, and with something to refer back to.
SMALL = b"a small file, a small file, and its end"
# Unpacks its standard input in a process of its own, and says how many bytes came out and how far the memory grew.
MEASURE = """
import sys
from glimpse.transfer.decompress import decompressor
def peak():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))
packed = sys.stdin.buffer.read()
before = peak()
print(sum(map(len, decompressor(sys.argv[1]).decompress([packed]))), peak() - before)
"""


class DecompressorSuite:
    """The contract of :class:`glimpse.transfer.decompress.Decompressor`."""

    # Whether damage in the middle is always found (a checksum covers the content).
    checked = True
    # Numbers of zeros that may and may not follow the end.
    padding: tuple[int, ...] = ()
    no_padding: tuple[int, ...] = (1, 4, 512)
    # The most memory of a decoder, in bytes, as its file states it.
    memory = 8 * MIB

    def decompressor(self) -> Decompressor:
        """The one that is tested."""
        raise NotImplementedError

    def compress(self, data: bytes) -> bytes:
        """``data`` as another program packs it."""
        raise NotImplementedError

    def hungriest(self, data: bytes) -> bytes:
        """``data`` packed so that unpacking takes the most memory that is allowed."""
        return self.compress(data)

    def measured(self, packed: bytes) -> tuple[int, int]:
        """How many bytes come out of ``packed``, and by how many a process grows with it."""
        command = [sys.executable, "-c", MEASURE, self.decompressor().name]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        run = subprocess.run(command, input=packed, env=environment, capture_output=True, check=True)
        size, grown = run.stdout.split()
        return int(size), int(grown)

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

    def test_memory_is_what_is_stated(self) -> None:
        # A window is only filled by more than it holds.
        length = self.memory + 2 * SPARE
        size, grown = self.measured(self.hungriest(bytes(length)))
        assert size == length
        assert grown <= self.memory + SPARE

    def test_a_bomb_ends_at_its_limit(self) -> None:
        got: list[int] = []
        pieces = self.decompressor().decompress([self.compress(bytes(30 * MIB))], limits=Limits(10 * MIB))
        with pytest.raises(TooLarge, match=str(10 * MIB)):
            got.extend(len(piece) for piece in pieces)
        assert sum(got) <= 10 * MIB

    def test_the_limit_itself_is_allowed(self) -> None:
        packed = self.compress(MIXED)
        assert self.unpacked(packed, limits=Limits(len(MIXED))) == MIXED
        with pytest.raises(TooLarge):
            self.unpacked(packed, limits=Limits(len(MIXED) - 1))

    def test_a_bomb_ends_at_its_ratio(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # 10 GiB. The true bound is a GiB, which some formats take ten seconds for.
        monkeypatch.setattr(base, "RATIO_FREE", 64 * MIB)
        packed = self.compress(bytes(64 * MIB))
        got: list[int] = []
        pieces = self.decompressor().decompress(cut(packed * 160, MIB), limits=Limits(max_ratio=100))
        with pytest.raises(TooLarge, match="max_expansion_ratio is 100"):
            got.extend(len(piece) for piece in pieces)
        # What a chunk may give is allowed before it is judged.
        assert 64 * MIB - LARGEST < sum(got) <= max(64 * MIB, 100 * (len(packed) + MIB))

    def test_a_ratio_that_is_kept_is_no_matter(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(base, "RATIO_FREE", MIB)
        assert self.unpacked(self.compress(MIXED), limits=Limits(max_ratio=10)) == MIXED

    def test_parts_follow_one_another(self) -> None:
        parts = [b"first", b"", MIXED, b"", b"last"]
        packed = b"".join(self.compress(part) for part in parts)
        for step in (1000, 10 * MIB):
            assert self.unpacked(packed, step) == b"".join(parts)

    def test_every_cut_gives_the_same(self) -> None:
        packed = self.compress(SMALL) * 2
        for at in range(1, len(packed)):
            assert b"".join(self.decompressor().decompress([packed[:at], packed[at:]])) == SMALL * 2

    @settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
    @given(st.lists(st.integers(1, 40), max_size=60))
    def test_any_cuts_give_the_same(self, sizes: list[int]) -> None:
        packed = self.compress(SMALL) + self.compress(b"") + self.compress(SMALL)
        pieces = []
        for size in sizes:
            pieces.append(packed[:size])
            packed = packed[size:]
        assert b"".join(self.decompressor().decompress([*pieces, packed])) == SMALL * 2

    def test_many_tiny_parts_are_no_attack(self) -> None:
        # 1 to 7 µs each. Where a part's end costs as much as what follows it is long, this is more than a minute.
        packed = self.compress(b"x") * 20_000
        begin = time.monotonic()
        assert b"".join(self.decompressor().decompress([packed + packed])) == b"x" * 40_000
        assert time.monotonic() - begin < 20

    def test_zeros_behind_the_end_are_treated_as_the_tool_does(self) -> None:
        packed = self.compress(SMALL)
        for step in (1, MIB):
            for count in self.padding:
                assert self.unpacked(packed + bytes(count), step) == SMALL
            for count in self.no_padding:
                with pytest.raises(Invalid, match=self.decompressor().name):
                    self.unpacked(packed + bytes(count), step)

    def test_zeros_alone_are_no_stream(self) -> None:
        with pytest.raises(Invalid, match=self.decompressor().name):
            self.unpacked(bytes(512))

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
        for _ in range(8):
            damaged = bytearray(packed)
            damaged[chance.randrange(len(packed))] ^= 1 << chance.randrange(8)
            try:
                got = self.unpacked(bytes(damaged))
            except Invalid:
                continue
            assert got == MIXED or not self.checked

    def test_damage_to_any_byte_is_found_or_does_no_harm(self) -> None:
        packed = self.compress(SMALL)
        for at, bits in ((at, bits) for at in range(len(packed)) for bits in (0x01, 0x80, 0xFF)):
            damaged = bytearray(packed)
            damaged[at] ^= bits
            try:
                got = self.unpacked(bytes(damaged))
            except Invalid:
                continue
            assert got == SMALL or not self.checked

    def test_a_missing_middle_is_found(self) -> None:
        packed = self.compress(MIXED)
        third = len(packed) // 3
        with pytest.raises(Invalid, match=self.decompressor().name):
            self.unpacked(packed[:third] + packed[third + 1000 :])

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
        packed = self.compress(MIXED * 2)
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
