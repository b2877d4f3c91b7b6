"""The raw content of images, compared with qemu-img's; and what happens when that cannot be had."""

import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from glimpse.errors import Cancelled, GlimpseError, Invalid, TooLarge, UnsafeImage
from glimpse.transfer.confine import probe
from glimpse.transfer.disk import survey
from glimpse.transfer.disk.convert import ConvertLimits, RawView, convert_to_raw
from glimpse.transfer.disk.failures import ReaderDied, UnreadableImage
from glimpse.transfer.disk.inspect import InspectRules
from glimpse.transfer.stop import NEVER
from tests.unit.transfer.disk.children import (
    CONFINEMENTS,
    StopWhenAsked,
    bytes_read,
    files_of,
    limits_of,
    network_of,
    running,
)
from tests.unit.transfer.disk.images import (
    MIB,
    VARIANTS,
    by_qemu,
    by_us,
    converted,
    data_bytes,
    gathered,
    qemu_img,
    qemu_io,
    scattered,
)

# One cluster that is packed: qemu-nbd has to read such an image.
PACKED = "write -c -P 7 0 64k"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scattered(tmp_path_factory.mktemp("source") / "disk.raw", 33 * MIB)


@pytest.mark.parametrize("variant", VARIANTS)
def test_gives_what_qemu_img_gives(variant: str, source: Path, tmp_path: Path) -> None:
    ours, qemus, options = VARIANTS[variant]
    image = converted(source, tmp_path / "image", qemus, *options)
    assert by_us(image, ours) == by_qemu(image, qemus)


@pytest.mark.parametrize("size", [0, 1, 511, 512, 65535, 65536, 65537, MIB - 512, 5 * MIB + 1])
@pytest.mark.parametrize("format", ["qcow2", "vmdk", "vdi", "vhd", "vhdx"])
def test_gives_disks_of_any_size(format: str, size: int, tmp_path: Path) -> None:
    # qemu-img opens no vmdk without a sector; a vhdx that does not say its size is refused.
    if size == 0 and format in ("vmdk", "vhdx"):
        size = 513
    qemus, options = ("vpc", ("-o", "force_size=on")) if format == "vhd" else (format, ())
    raw = scattered(tmp_path / "raw", size)
    image = converted(raw, tmp_path / "image", qemus, *options)
    content = by_us(image, format)
    assert content == by_qemu(image, qemus)
    assert content == raw.read_bytes() + bytes(-size % 512)


def test_gives_the_active_state_of_an_image_with_snapshots(source: Path, tmp_path: Path) -> None:
    image = converted(source, tmp_path / "image", "qcow2")
    qemu_img("snapshot", "-c", "before", image)
    qemu_io(image, "write -P 0x5a 1M 3M", "write -z 8M 2M", "discard 20M 1M")
    content = by_us(image, "qcow2")
    assert content == by_qemu(image, "qcow2")
    assert content[MIB : 4 * MIB] == b"\x5a" * (3 * MIB)


PLAIN = ["qcow2", "qcow2-v2", "qcow2-4k-clusters", "qcow2-2m-clusters", "qcow2-preallocated"]


@pytest.mark.parametrize("variant", [*PLAIN, "vmdk-monolithicSparse", "vdi", "vdi-static"])
def test_what_is_not_packed_is_read_without_a_child(variant: str, source: Path, tmp_path: Path) -> None:
    ours, qemus, options = VARIANTS[variant]
    image = converted(source, tmp_path / "image", qemus, *options)
    with convert_to_raw(image, ours, limits=ConvertLimits(), stop=NEVER) as view:
        extents = view.extents()
        begun = next(extents)
        assert "qemu-nbd" not in {child.name() for child in psutil.Process().children(recursive=True)}
        assert gathered([begun, *extents]) == source.read_bytes()


def test_a_disk_in_too_many_pieces_is_read_by_the_child(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("glimpse.transfer.disk.survey._MOST_PLACES", 8)
    image = converted(source, tmp_path / "image", "qcow2")
    with convert_to_raw(image, "qcow2", limits=ConvertLimits(), stop=NEVER) as view:
        extents = view.extents()
        begun = next(extents)
        assert running("qemu-nbd").is_running()
        assert gathered([begun, *extents]) == source.read_bytes()


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


def test_the_reader_itself_passes_over_holes(tmp_path: Path) -> None:
    """Counted by the kernel: what qemu-nbd reads of the file."""
    image = tmp_path / "image"
    qemu_img("create", "-f", "qcow2", image, "64G")
    qemu_io(image, "write -P 1 5G 100k", "write -P 2 40G 1M", "write -z 41G 1G", PACKED)
    with convert_to_raw(image, "qcow2", limits=ConvertLimits(), stop=NEVER) as view:
        for _ in view.extents():
            pass
        read = bytes_read(running("qemu-nbd"))
    assert read < 4 * MIB


@pytest.mark.parametrize("kind", CONFINEMENTS)
def test_the_reader_is_held_to_its_limits_and_sees_nothing(kind: str, source: Path, tmp_path: Path) -> None:
    image = converted(source, tmp_path / "image", "qcow2", "-c")
    limits = ConvertLimits(cpu_seconds=77, address_space=3 << 30)
    with convert_to_raw(image, "qcow2", limits=limits, stop=NEVER, confinement=CONFINEMENTS[kind]()) as view:
        next(view.extents())
        reader = running("qemu-nbd")
        held, (network, interfaces) = limits_of(reader), network_of(reader)
        seen = files_of(reader)
    assert held["Max cpu time"] == ("77", "82")
    assert held["Max address space"] == (str(3 << 30), str(3 << 30))
    assert held["Max file size"] == (str(MIB), str(MIB))
    assert held["Max core file size"] == ("0", "0")
    assert network != network_of(psutil.Process())[0]
    assert interfaces == ["lo"]
    if kind == "bubblewrap":
        assert "in" in seen
        assert seen.isdisjoint({"etc", "home", "root", "tmp", "proc", "sys", "work", "var", "out"})


def test_the_limit_on_processor_time_grows_with_the_disk(tmp_path: Path) -> None:
    image = tmp_path / "image"
    qemu_img("create", "-f", "qcow2", image, "10G")
    qemu_io(image, PACKED)
    limits = ConvertLimits(cpu_seconds=7, cpu_seconds_per_gib=11)
    with convert_to_raw(image, "qcow2", limits=limits, stop=NEVER) as view:
        next(view.extents())
        assert limits_of(running("qemu-nbd"))["Max cpu time"] == ("117", "122")


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


def test_refuses_data_of_another_format_whatever_the_operator_lets_in(source: Path, tmp_path: Path) -> None:
    image = converted(source, tmp_path / "image", "vmdk")
    rules = InspectRules(require_format_match=False)
    with (
        pytest.raises(UnsafeImage, match="declared qcow2 but the data is vmdk"),
        convert_to_raw(image, "qcow2", limits=ConvertLimits(), stop=NEVER, rules=rules),
    ):
        pass


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


@pytest.mark.parametrize("variant", [name for name in VARIANTS if "preallocated" not in name])
def test_truncated_image_is_an_error_without_paths_of_this_host(
    variant: str, source: Path, tmp_path: Path
) -> None:
    ours, qemus, options = VARIANTS[variant]
    image = converted(source, tmp_path / "image", qemus, *options)
    length = image.stat().st_size
    # The last cluster may be short, for all that qemu knows; of a vhdx's last block 7 MiB are not used here.
    spare = next((size for name, size in {"2m": 4 * MIB, "vhdx": 8 * MIB}.items() if name in variant), 0)
    for lost in (length // 2, spare + 200_000):
        os.truncate(image, length - lost)
        with pytest.raises((UnreadableImage, UnsafeImage)) as caught:
            by_us(image, ours)
        assert str(tmp_path) not in str(caught.value)
        converted(source, image, qemus, *options)


def test_a_qcow2_that_lacks_one_of_its_tables_is_not_complete(tmp_path: Path) -> None:
    """All that is left of it is in order: the table beyond the end would read as empty."""
    image = tmp_path / "image"
    qemu_img("create", "-f", "qcow2", image, "2G")
    qemu_io(image, "write -P 1 0 1M")
    first = image.stat().st_size
    qemu_io(image, "write -P 1 1G 1M")
    os.truncate(image, first)
    with pytest.raises(UnreadableImage, match=f"not complete: it has {first} bytes"):
        by_us(image, "qcow2")


def test_not_a_byte_of_a_vdi_may_be_missing(tmp_path: Path) -> None:
    """Its last block lies whole in the file, also where the disk ends within it."""
    raw = tmp_path / "raw"
    raw.write_bytes(random.Random(1).randbytes(2 * MIB + 1536))
    image = converted(raw, tmp_path / "image", "vdi")
    end = 1024 + 2 * MIB + 1536
    assert image.stat().st_size == 1024 + 3 * MIB
    os.truncate(image, end)
    assert by_us(image, "vdi") == raw.read_bytes()
    os.truncate(image, end - 1)
    with pytest.raises(UnreadableImage, match=f"not complete: it has {end - 1} bytes and refers to {end}"):
        by_us(image, "vdi")


@pytest.mark.parametrize("format", ["qcow2", "vmdk", "vdi"])
def test_images_written_by_a_guest_are_complete(format: str, tmp_path: Path) -> None:
    image = tmp_path / "image"
    qemu_img("create", "-f", format, image, "100M")
    for command in ("write -P 1 50M 3k", "write -P 2 99M 1M", "write -P 3 64k 512", "write -z 50M 2M"):
        qemu_io(image, command, format=format)
        assert by_us(image, format) == by_qemu(image, format)


def test_an_image_in_too_many_pieces_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = tmp_path / "image"
    qemu_img("create", "-f", "qcow2", image, "64M")
    qemu_io(image, *(f"write -P 1 {2 * number}M 64k" for number in range(30)))
    monkeypatch.setattr(survey, "_MOST_PIECES", 50)
    with pytest.raises(Invalid, match="more than 50 pieces"):
        by_us(image, "qcow2")


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
    act(running("qemu-nbd"))
    for _ in extents:
        pass


@pytest.mark.parametrize("kind", CONFINEMENTS)
def test_killed_reader_is_a_clear_error(kind: str, tmp_path: Path) -> None:
    image = tmp_path / "image"
    qemu_img("create", "-f", "qcow2", image, "64M")
    qemu_io(image, PACKED, "write -P 1 64k 65472k")
    confinement = CONFINEMENTS[kind]()
    with (
        pytest.raises(ReaderDied, match="was killed") as caught,
        convert_to_raw(image, "qcow2", limits=ConvertLimits(), stop=NEVER, confinement=confinement) as view,
    ):
        _rest_after(view, lambda reader: reader.kill())
    assert caught.value.retryable


@pytest.mark.parametrize("kind", CONFINEMENTS)
def test_stops_within_a_second_also_when_the_reader_is_silent(kind: str, tmp_path: Path) -> None:
    image = tmp_path / "image"
    qemu_img("create", "-f", "qcow2", image, "64M")
    qemu_io(image, PACKED, "write -P 1 64k 65472k")
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
    qemu_io(image, PACKED, "write -P 1 64k 65472k")
    limits = ConvertLimits(stall_seconds=0.3)
    with (
        pytest.raises(UnreadableImage, match="did not answer"),
        convert_to_raw(image, "qcow2", limits=limits, stop=NEVER) as view,
    ):
        _rest_after(view, lambda reader: reader.suspend())


def test_leaving_early_leaves_nothing_behind(source: Path, tmp_path: Path) -> None:
    image = converted(source, tmp_path / "image", "qcow2", "-c")
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


@pytest.mark.parametrize("packed", [(), ("-c",)], ids=["plain", "packed"])
def test_reads_a_path_with_signs_that_qemu_gives_a_meaning(
    packed: tuple[str, ...], source: Path, tmp_path: Path
) -> None:
    image = converted(source, tmp_path / "plain", "qcow2", *packed).rename(tmp_path / "json:{a,b=c} d")
    for confinement in (probe(), probe(bubblewrap=False)):
        assert by_us(image, "qcow2", confinement=confinement) == source.read_bytes()


@pytest.mark.parametrize("packed", [(), ("-c",)], ids=["plain", "packed"])
def test_two_images_are_read_at_once(packed: tuple[str, ...], source: Path, tmp_path: Path) -> None:
    image = converted(source, tmp_path / "image", "qcow2", *packed)
    limits = ConvertLimits()
    with (
        convert_to_raw(image, "qcow2", limits=limits, stop=NEVER) as one,
        convert_to_raw(image, "qcow2", limits=limits, stop=NEVER) as two,
    ):
        first, second = one.extents(), two.extents()
        pairs = list(zip(first, second, strict=True))
    assert gathered(pair[0] for pair in pairs) == gathered(pair[1] for pair in pairs) == source.read_bytes()
