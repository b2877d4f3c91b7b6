import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from glimpse.errors import Invalid
from glimpse.transfer.decompress.base import UNLIMITED
from glimpse.transfer.decompress.parts import FIRST_INPUT, PIECE, Decoder, Format, unpack
from glimpse.transfer.extent import Buffer
from tests.unit.transfer.helpers import cut

MIB = 1 << 20


@dataclass
class Given:
    """How many bytes decoders were given, and the most output that they were asked for."""

    input: int = 0
    output: int = 0


class Run:
    """The simplest decoder: a byte, how often it is repeated (4 bytes), and the same number again as a check."""

    def __init__(self, given: Given) -> None:
        self._given = given
        self._head = b""
        self._left = -1
        self.eof = False
        self.needs_input = True
        self.unused_data: bytes | None = None

    def decompress(self, data: Buffer, max_length: int = -1, /) -> bytes:
        self._given.input += len(data)
        self._given.output = max(self._given.output, max_length)
        if self._left < 0:
            need = 9 - len(self._head)
            self._head += bytes(data[:need])
            if len(self._head) < 9:
                return b""
            if self._head[1:5] != self._head[5:]:
                raise ArithmeticError("counts differ.")
            self._left = int.from_bytes(self._head[1:5], "big")
            # The true decoders copy it; its length is what matters here.
            self.unused_data = memoryview(data)[need:]  # type: ignore[assignment]
        output = self._head[:1] * min(self._left, max_length)
        self._left -= len(output)
        self.eof = not self._left
        self.needs_input = False
        return output


def of_runs(given: Given, *, padding: int = 0, resumes: bool = False) -> Format:
    """The format that consists of a letter R and a run, as often as one likes."""

    def begin(head: bytes) -> tuple[Decoder, int]:
        return Run(given), 1

    return Format(
        "runs", "run", lambda head: head[:1] == b"R", begin, (ArithmeticError,), "", 0, padding, resumes
    )


def run(letter: bytes, count: int) -> bytes:
    return b"R" + letter + count.to_bytes(4, "big") * 2


def unpacked(chunks: Iterator[Buffer] | list[bytes], format: Format) -> bytes:
    return b"".join(unpack(format, chunks, UNLIMITED))


@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_parts_are_found_wherever_chunks_are_cut(step: int) -> None:
    packed = run(b"a", 3) + run(b"b", 0) + run(b"c", 100_000)
    assert unpacked(cut(packed, step), of_runs(Given())) == b"aaa" + b"c" * 100_000


def test_what_is_given_to_tiny_parts_does_not_grow_with_their_number() -> None:
    given = Given()
    count = 200_000
    assert unpacked([run(b"x", 1) * count], of_runs(given)) == b"x" * count
    # Decoders copy what lies behind their end. Given all that follows, these would copy 200 GB.
    assert given.input <= count * FIRST_INPUT


def test_padding_between_tiny_parts_is_no_attack() -> None:
    count = 200_000
    packed = (run(b"x", 1) + bytes(4)) * count
    begin = time.monotonic()
    assert unpacked([packed], of_runs(Given(), padding=4, resumes=True)) == b"x" * count
    # Copying what follows for each is half a minute of memory's speed; this is a second.
    assert time.monotonic() - begin < 15


def test_no_more_output_is_asked_for_at_once_than_may_be_passed_on() -> None:
    given = Given()
    assert len(unpacked([run(b"x", 9 * MIB)], of_runs(given))) == 9 * MIB
    assert given.output == PIECE


def test_damage_is_told_with_its_place() -> None:
    bad = b"Rx" + (5).to_bytes(4, "big") + (6).to_bytes(4, "big")
    with pytest.raises(
        Invalid,
        match=r"^The runs data is damaged in run 2, after byte 11 \(7 bytes unpacked\): counts differ\.$",
    ):
        unpacked([run(b"a", 7) + bad], of_runs(Given()))


def test_a_cut_off_part_is_told_with_its_place() -> None:
    with pytest.raises(Invalid, match=r"truncated: it ends at byte 15, inside run 2 \(7 bytes unpacked\)"):
        unpacked([run(b"a", 7) + run(b"b", 1)[:5]], of_runs(Given()))


def test_padding_that_a_part_may_follow() -> None:
    resuming = of_runs(Given(), padding=2, resumes=True)
    assert unpacked(cut(run(b"a", 1) + bytes(4) + run(b"b", 1) + bytes(20_000), 3), resuming) == b"ab"
    with pytest.raises(Invalid, match="something else follows"):
        unpacked([run(b"a", 1) + bytes(3) + run(b"b", 1)], resuming)
    with pytest.raises(Invalid, match="ends with 3 zeros; their number must be a multiple of 2"):
        unpacked([run(b"a", 1) + bytes(3)], resuming)


def test_padding_that_ends_the_data() -> None:
    ending = of_runs(Given(), padding=1)
    assert unpacked([run(b"a", 1) + bytes(3)], ending) == b"a"
    with pytest.raises(Invalid, match=r"ends at byte 13 \(run 1\), but something else follows"):
        unpacked([run(b"a", 1) + bytes(3) + run(b"b", 1)], ending)


def test_zeros_where_there_is_no_padding_are_something_else() -> None:
    with pytest.raises(Invalid, match=r"ends at byte 10 \(run 1\), but something else follows"):
        unpacked([run(b"a", 1) + bytes(1)], of_runs(Given()))
