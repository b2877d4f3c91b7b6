"""Fields of headers that say something else: qemu, in its child, and we may refuse, but never hang or stumble."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from glimpse.errors import GlimpseError
from glimpse.transfer.disk.convert import ConvertLimits
from glimpse.transfer.disk.convert_file import convert_to_file
from glimpse.transfer.disk.inspect import InspectRules
from tests.unit.transfer.disk.images import MIB, by_qemu, by_us, converted, same_disk, scattered

# Where each format keeps what it believes of itself: (from, to), and where its header's numbers are aligned.
PLACES: Mapping[str, tuple[tuple[int, int], ...]] = {
    "qcow2": ((4, 112), (0x30000, 0x30040), (0x40000, 0x40100)),
    "vmdk": ((4, 80), (512, 1024), (0x10000, 0x10100)),
    "vdi": ((64, 512), (512, 700)),
    "vpc": ((0, 86), (512, 600), (1536, 1700)),
    "vhdx": ((0x10000, 0x10050), (0x30000, 0x30060), (0x200000, 0x200100), (0x210000, 0x210040)),
}
LIMITS = ConvertLimits(max_virtual_size=64 * MIB, cpu_seconds=5, cpu_seconds_per_gib=0, stall_seconds=10)
VALUES = [0, 1, 2, 9, 21, 31, 63, 511, 0xFFFF, 0x10000, 1 << 31, (1 << 32) - 1, 1 << 62, (1 << 64) - 1]

Order = Literal["big", "little"]
Change = tuple[int, int, int, Order]


@st.composite
def damages(draw: st.DrawFn) -> tuple[str, list[Change]]:
    """A format and what is changed in it: (place, bytes, value, byte order)."""
    format = draw(st.sampled_from(sorted(PLACES)))
    changes: list[Change] = []
    for _ in range(draw(st.integers(1, 3))):
        start, end = draw(st.sampled_from(PLACES[format]))
        place = start + 4 * draw(st.integers(0, (end - start) // 4 - 1))
        width = draw(st.sampled_from([4, 8]))
        order: Order = draw(st.sampled_from(["big", "little"]))
        changes.append((place, width, draw(st.sampled_from(VALUES)), order))
    return format, changes


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mutated")


@pytest.fixture(scope="module")
def intact(place: Path) -> dict[str, bytes]:
    source = scattered(place / "raw", 3 * MIB)
    return {format: converted(source, place / format, format).read_bytes() for format in PLACES}


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(damages())
@example(("qcow2", [(20, 4, 63, "big")]))  # clusters of 2 to the 63
@example(("qcow2", [(36, 4, (1 << 32) - 1, "big")]))  # a table of tables without end
@example(("qcow2", [(40, 8, 1 << 62, "big")]))  # which begins behind everything
@example(("vmdk", [(12, 8, 1 << 62, "little")]))  # a disk of more bytes than there are numbers
@example(("vdi", [(0x178, 4, 0, "little")]))  # blocks of no bytes
@example(("vpc", [(512 + 32, 4, 0, "big")]))  # the same
def test_no_header_can_make_a_conversion_hang_or_stumble(
    place: Path, intact: dict[str, bytes], damage: tuple[str, list[Change]]
) -> None:
    format, changes = damage
    data = bytearray(intact[format])
    for start, width, value, order in changes:
        data[start : start + width] = (value % (1 << 8 * width)).to_bytes(width, order)
    image, output = place / "image", place / "output"
    image.write_bytes(data)
    started = time.monotonic()
    try:
        content = by_us(image, format, limits=LIMITS)
        assert content == by_qemu(image, format)
    except GlimpseError as error:
        assert error.message and str(place) not in error.message  # noqa: PT017, PT018
    target = "vdi" if format == "qcow2" else "qcow2"
    try:
        convert_to_file(image, format, target, output, limits=LIMITS, rules=InspectRules())
        assert same_disk(image, format, output, target)
    except GlimpseError:
        assert not output.exists()
    output.unlink(missing_ok=True)
    assert list(place.glob("*.part")) == []
    assert time.monotonic() - started < 30
