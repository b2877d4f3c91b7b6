import subprocess
import time
from collections import deque

import pytest

from glimpse.errors import TooLarge
from glimpse.transfer.decompress import UNLIMITED, Limits, decompressor
from glimpse.transfer.decompress.base import RATIO_FREE
from glimpse.transfer.extent import Buffer
from tests.unit.transfer.helpers import cut

MIB = 1 << 20
GIB = 1 << 30


def packed_by(*command: str, data: bytes) -> bytes:
    return subprocess.run([*command, "-c"], input=data, capture_output=True, check=True).stdout


def test_nothing_is_limited_where_nothing_is_said() -> None:
    UNLIMITED.check("gzip", 1 << 60, 0)
    Limits().inner().check("gzip", 1 << 60, 0)


def test_bytes_are_limited() -> None:
    limits = Limits(max_bytes=100)
    limits.check("gzip", 100, 5)
    with pytest.raises(TooLarge, match="The gzip data unpacks to more than the 100 bytes"):
        limits.check("gzip", 101, 5)
    with pytest.raises(TooLarge, match="than the 100 bytes"):
        limits.inner().check("gzip", 101, 5)


def test_the_ratio_is_not_judged_before_a_gib() -> None:
    limits = Limits(max_ratio=2)
    limits.check("zstd", RATIO_FREE, 0)
    with pytest.raises(TooLarge):
        limits.check("zstd", RATIO_FREE + 1, 0)


def test_the_ratio_itself_is_allowed_and_more_is_told_with_all_numbers() -> None:
    limits = Limits(max_ratio=2.5)
    limits.check("zstd", 5 * GIB, 2 * GIB)
    with pytest.raises(TooLarge) as caught:
        limits.check("zstd", 5 * GIB + 1, 2 * GIB)
    assert caught.value.message == (
        "The zstd data unpacks to more than 2.5 times its size: 2147483648 bytes have given 5368709121 so far, and "
        "max_expansion_ratio is 2.5."
    )
    assert "max_expansion_ratio" in caught.value.hint


def test_a_layer_inside_is_judged_by_what_the_first_has_consumed() -> None:
    outer = Limits(max_ratio=10)
    inner = outer.inner()
    innermost = inner.inner()
    outer.check("xz", 2 * GIB, GIB)
    for limits in (inner, innermost):
        # Within ten times what itself was given, and within ten times what the first was.
        limits.check("gzip", 10 * GIB, 2 * GIB)
        with pytest.raises(TooLarge, match=f"{GIB} bytes have given"):
            limits.check("gzip", 10 * GIB + 1, 2 * GIB)
    outer.check("xz", 3 * GIB, 2 * GIB)
    innermost.check("gzip", 20 * GIB, 3 * GIB)


def test_streams_do_not_share_what_they_have_consumed() -> None:
    one, other = Limits(max_ratio=10), Limits(max_ratio=10)
    one.check("gzip", GIB, GIB)
    with pytest.raises(TooLarge):
        other.inner().check("gzip", GIB + 1, GIB)


def test_ten_gb_of_zeros_end_where_they_cross() -> None:
    packed = packed_by("gzip", "-1", data=bytes(64 * MIB)) * 160
    sizes: list[int] = []
    times: list[float] = []

    def note(piece: Buffer) -> None:
        sizes.append(len(piece))
        times.append(time.monotonic())

    with pytest.raises(TooLarge, match="gzip data unpacks to more than 100 times"):
        deque(map(note, decompressor("gzip").decompress(cut(packed, MIB), limits=Limits(max_ratio=100))), 0)
    assert GIB - 4 * MIB < sum(sizes) <= GIB
    assert time.monotonic() - times[-1] < 1


def test_layers_that_are_harmless_each_are_judged_together() -> None:
    # 1.5 GiB in gzip are 7 MiB, which xz packs into some KiB.
    packed = packed_by("xz", "-1", data=packed_by("gzip", "-1", data=bytes(64 * MIB)) * 24)
    limits = Limits(max_ratio=1000)
    stream = decompressor("xz").decompress([packed], limits=limits)
    with pytest.raises(TooLarge, match=f"than 1000 times its size: {len(packed)} bytes"):
        for _ in decompressor("gzip").decompress(stream, limits=limits.inner()):
            pass
    # Told of its own input alone, the second one finds nothing wrong.
    stream = decompressor("xz").decompress([packed])
    plain = decompressor("gzip").decompress(stream, limits=Limits(max_ratio=1000))
    assert sum(map(len, plain)) == 24 * 64 * MIB
