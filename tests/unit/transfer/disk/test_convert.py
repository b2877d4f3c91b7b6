"""The raw content of images, compared with qemu-img's; and what happens when that cannot be had."""

import random
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from glimpse.errors import Cancelled, GlimpseError, Invalid, TooLarge, UnsafeImage
from glimpse.transfer.confine import Confinement, probe
from glimpse.transfer.disk.convert import ConvertLimits, RawView, convert_to_raw
from glimpse.transfer.disk.failures import ReaderDied, UnreadableImage
from glimpse.transfer.stop import NEVER
from tests.unit.transfer.disk.images import (
    MIB,
    by_qemu,
    by_us,
    converted,
    data_bytes,
    gathered,
    qemu_img,
    qemu_io,
    scattered,
)

# name: our format, qemu's format, options of qemu-img convert
VARIANTS = {
    "qcow2": ("qcow2", "qcow2", ()),
    "qcow2-v2": ("qcow2", "qcow2", ("-o", "compat=0.10")),
    "qcow2-512-byte-clusters": ("qcow2", "qcow2", ("-o", "cluster_size=512")),
    "qcow2-4k-clusters": ("qcow2", "qcow2", ("-o", "cluster_size=4096")),
    "qcow2-2m-clusters": ("qcow2", "qcow2", ("-o", "cluster_size=2M")),
    "qcow2-zlib": ("qcow2", "qcow2", ("-c",)),
    "qcow2-zstd": ("qcow2", "qcow2", ("-c", "-o", "compression_type=zstd")),
    "qcow2-preallocated": ("qcow2", "qcow2", ("-o", "preallocation=full")),
    "vmdk-streamOptimized": ("vmdk", "vmdk", ("-o", "subformat=streamOptimized")),
    "vmdk-monolithicSparse": ("vmdk", "vmdk", ("-o", "subformat=monolithicSparse")),
    "vhd-dynamic": ("vhd", "vpc", ("-o", "subformat=dynamic")),
    "vhd-fixed": ("vhd", "vpc", ("-o", "subformat=fixed,force_size=on")),
    "vpc-by-qemus-name": ("vpc", "vpc", ()),
    "vhdx-dynamic": ("vhdx", "vhdx", ()),
    "vhdx-fixed": ("vhdx", "vhdx", ("-o", "subformat=fixed")),
    "vdi": ("vdi", "vdi", ()),
    "vdi-static": ("vdi", "vdi", ("-o", "static=on")),
}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scattered(tmp_path_factory.mktemp("source") / "disk.raw", 33 * MIB)


@pytest.mark.parametrize("variant", VARIANTS)
def test_gives_what_qemu_img_gives(variant: str, source: Path, tmp_path: Path) -> None:
    ours, qemus, options = VARIANTS[variant]
    image = converted(source, tmp_path / "image", qemus, *options)
    assert by_us(image, ours) == by_qemu(image, qemus)


@pytest.mark.parametrize("size", [0, 1, 511, 512, 65535, 65536, 65537, MIB - 512, 5 * MIB + 1])
@pytest.mark.parametrize("format", ["qcow2", "vdi"])
def test_gives_disks_of_any_size(format: str, size: int, tmp_path: Path) -> None:
    image = converted(scattered(tmp_path / "raw", size), tmp_path / "image", format)
    assert by_us(image, format) == by_qemu(image, format)


def test_gives_the_active_state_of_an_image_with_snapshots(source: Path, tmp_path: Path) -> None:
    image = converted(source, tmp_path / "image", "qcow2")
    qemu_img("snapshot", "-c", "before", image)
    qemu_io(image, "write -P 0x5a 1M 3M", "write -z 8M 2M", "discard 20M 1M")
    content = by_us(image, "qcow2")
    assert content == by_qemu(image, "qcow2")
    assert content[MIB : 4 * MIB] == b"\x5a" * (3 * MIB)


def test_reads_no_holes_and_gives_each_as_one_extent(tmp_path: Path) -> None:
    image = tmp_path / "image"
    qemu_img("create", "-f", "qcow2", image, "64G")
    qemu_io(image, "write -P 1 5G 100k", "write -P 2 40G 1M", "write -z 41G 1G")
    with convert_to_raw(image, "qcow2", limits=ConvertLimits(), stop=NEVER) as view:
        extents = list(view.extents())
    assert view.virtual_size == 64 << 30
    assert data_bytes(extents) == (128 << 10) + MIB
    assert [extent.length for extent in extents if extent.is_zero] == [
        5 << 30,
        (35 << 30) - (128 << 10),
        (24 << 30) - MIB,
    ]
    assert sum(extent.length for extent in extents) == 64 << 30


def test_gives_data_in_pieces_of_at_most_half_a_mebibyte(tmp_path: Path) -> None:
    image = tmp_path / "image"
    qemu_img("create", "-f", "qcow2", image, "8M")
    qemu_io(image, "write -P 1 0 8M")
    with convert_to_raw(image, "qcow2", limits=ConvertLimits(), stop=NEVER) as view:
        assert {extent.length for extent in view.extents()} == {512 << 10}


@pytest.mark.parametrize("format", ["raw", "iso", "ploop", "json:{}", "qed"])
def test_refuses_formats_it_cannot_read(format: str, source: Path) -> None:
    with pytest.raises(Invalid, match="cannot be converted"):
        by_us(source, format)


def test_refuses_a_backing_file(source: Path, tmp_path: Path) -> None:
    image = tmp_path / "image"
    qemu_img("create", "-f", "qcow2", "-F", "raw", "-b", source, image)
    with pytest.raises(UnsafeImage, match="backing file"):
        by_us(image, "qcow2")


def test_refuses_a_data_file(source: Path, tmp_path: Path) -> None:
    image = converted(source, tmp_path / "image", "qcow2", "-o", f"data_file={tmp_path / 'data'}")
    with pytest.raises(UnsafeImage, match="external file"):
        by_us(image, "qcow2")


def test_refuses_data_of_another_format(source: Path, tmp_path: Path) -> None:
    image = converted(source, tmp_path / "image", "vmdk")
    with pytest.raises(UnsafeImage, match="declared qcow2 but the data is vmdk"):
        by_us(image, "qcow2")


def test_refuses_a_disk_that_is_too_large_before_reading_it(tmp_path: Path) -> None:
    image = tmp_path / "image"
    qemu_img("create", "-f", "qcow2", image, "2T")
    with pytest.raises(TooLarge, match=str(2 << 40)):
        by_us(image, "qcow2", limits=ConvertLimits(max_virtual_size=(2 << 40) - 1))


def test_refuses_too_many_holes_but_not_a_large_disk_full_of_data(tmp_path: Path) -> None:
    image = tmp_path / "image"
    qemu_img("create", "-f", "qcow2", image, "16M")
    qemu_io(image, "write -P 1 0 12M")
    with pytest.raises(TooLarge, match="holes"):
        by_us(image, "qcow2", limits=ConvertLimits(max_sparse_bytes=4 * MIB - 1))
    content = by_us(image, "qcow2", limits=ConvertLimits(max_sparse_bytes=4 * MIB))
    assert content == by_qemu(image, "qcow2")


def test_truncated_image_is_an_error_without_paths_of_this_host(source: Path, tmp_path: Path) -> None:
    image = converted(source, tmp_path / "image", "qcow2", "-c")
    with image.open("r+b") as file:
        file.truncate(image.stat().st_size // 2)
    with pytest.raises(UnreadableImage, match="cannot read the qcow2 image") as caught:
        by_us(image, "qcow2")
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("format", ["qcow2", "vmdk", "vdi", "vhdx", "vpc"])
def test_damaged_images_end_in_an_error_or_as_qemu_reads_them(format: str, tmp_path: Path) -> None:
    """Seeded, so that a failure can be had again."""
    options = ("-o", "cluster_size=4096") if format == "qcow2" else ()
    intact = converted(
        scattered(tmp_path / "raw", 3 * MIB), tmp_path / "intact", format, *options
    ).read_bytes()
    limits = ConvertLimits(max_virtual_size=64 * MIB, cpu_seconds=5, stall_seconds=10)
    readable = 0
    for seed in range(40):
        chance = random.Random(seed)
        damaged = bytearray(intact)
        reach = chance.choice([112, 600, 4096, 65536])
        for _ in range(chance.randint(1, 12)):
            damaged[chance.randrange(min(reach, len(damaged)))] = chance.choice([0, 1, 0x7F, 0x80, 0xFF])
        image = tmp_path / f"damaged-{seed}"
        image.write_bytes(damaged)
        try:
            content = by_us(image, format, limits=limits)
        except GlimpseError:
            continue
        readable += 1
        assert content == by_qemu(image, format), f"seed {seed}"
    assert readable < 40


def _rest_after(view: RawView, act: Callable[[psutil.Process], object]) -> None:
    """Read an image to its end, doing something to the process that reads it after the first extent."""
    extents = view.extents()
    next(extents)
    [reader] = [child for child in psutil.Process().children(recursive=True) if child.name() == "qemu-nbd"]
    act(reader)
    for _ in extents:
        pass


CONFINEMENTS: dict[str, Callable[[], Confinement]] = {
    "bubblewrap": probe,
    "limits-only": lambda: probe(bubblewrap=False),
}


@pytest.mark.parametrize("kind", CONFINEMENTS)
def test_killed_reader_is_a_clear_error(kind: str, tmp_path: Path) -> None:
    image = tmp_path / "image"
    qemu_img("create", "-f", "qcow2", image, "64M")
    qemu_io(image, "write -P 1 0 64M")
    confinement = CONFINEMENTS[kind]()
    with (
        pytest.raises(ReaderDied, match="was killed") as caught,
        convert_to_raw(image, "qcow2", limits=ConvertLimits(), stop=NEVER, confinement=confinement) as view,
    ):
        _rest_after(view, lambda reader: reader.kill())
    assert caught.value.retryable


class StopWhenAsked:
    """Ends the work once it was asked to."""

    def __init__(self) -> None:
        self.asked_at: float | None = None

    def ask(self) -> None:
        self.asked_at = time.monotonic()

    def check(self) -> None:
        if self.asked_at is not None:
            raise Cancelled("stopped")


@pytest.mark.parametrize("kind", CONFINEMENTS)
def test_stops_within_a_second_also_when_the_reader_is_silent(kind: str, tmp_path: Path) -> None:
    image = tmp_path / "image"
    qemu_img("create", "-f", "qcow2", image, "64M")
    qemu_io(image, "write -P 1 0 64M")
    stop = StopWhenAsked()

    def silence(reader: psutil.Process) -> None:
        reader.suspend()
        stop.ask()

    confinement = CONFINEMENTS[kind]()
    with (
        pytest.raises(Cancelled),
        convert_to_raw(image, "qcow2", limits=ConvertLimits(), stop=stop, confinement=confinement) as view,
    ):
        _rest_after(view, silence)
    assert stop.asked_at is not None
    assert time.monotonic() - stop.asked_at < 1


def test_silent_reader_is_given_up(tmp_path: Path) -> None:
    image = tmp_path / "image"
    qemu_img("create", "-f", "qcow2", image, "64M")
    qemu_io(image, "write -P 1 0 64M")
    limits = ConvertLimits(stall_seconds=0.3)
    with (
        pytest.raises(UnreadableImage, match="did not answer"),
        convert_to_raw(image, "qcow2", limits=limits, stop=NEVER) as view,
    ):
        _rest_after(view, lambda reader: reader.suspend())


def test_leaving_early_leaves_nothing_behind(source: Path, tmp_path: Path) -> None:
    image = converted(source, tmp_path / "image", "qcow2")
    files = len(list(Path("/proc/self/fd").iterdir()))
    with convert_to_raw(image, "qcow2", limits=ConvertLimits(), stop=NEVER) as view:
        next(view.extents())
        assert psutil.Process().children(recursive=True)
    assert len(list(Path("/proc/self/fd").iterdir())) == files


def test_too_little_memory_is_an_error_with_the_readers_words(source: Path, tmp_path: Path) -> None:
    image = converted(source, tmp_path / "image", "qcow2")
    with pytest.raises(UnreadableImage, match=r"cannot read the qcow2 image: .*(memory|allocate|map|thread)"):
        by_us(image, "qcow2", limits=ConvertLimits(address_space=16 * MIB))


def test_reads_without_bubblewrap_too(source: Path, tmp_path: Path) -> None:
    image = converted(source, tmp_path / "image", "qcow2", "-c")
    confinement = probe(bubblewrap=False)
    assert confinement.bubblewrap is None
    assert by_us(image, "qcow2", confinement=confinement) == source.read_bytes()


def test_reads_a_path_with_signs_that_qemu_gives_a_meaning(source: Path, tmp_path: Path) -> None:
    image = converted(source, tmp_path / "plain", "qcow2").rename(tmp_path / "json:{a,b=c} d")
    for confinement in (probe(), probe(bubblewrap=False)):
        assert by_us(image, "qcow2", confinement=confinement) == source.read_bytes()


def test_two_images_are_read_at_once(source: Path, tmp_path: Path) -> None:
    image = converted(source, tmp_path / "image", "qcow2")
    limits = ConvertLimits()
    with (
        convert_to_raw(image, "qcow2", limits=limits, stop=NEVER) as one,
        convert_to_raw(image, "qcow2", limits=limits, stop=NEVER) as two,
    ):
        first, second = one.extents(), two.extents()
        pairs = list(zip(first, second, strict=True))
    assert gathered(pair[0] for pair in pairs) == gathered(pair[1] for pair in pairs) == source.read_bytes()
