"""Images written in another format, compared with qemu-img's; and what happens when that cannot be done."""

import os
import random
import time
from pathlib import Path

import psutil
import pytest

from glimpse.errors import Cancelled, GlimpseError, Invalid, NoSpace, TooLarge, UnsafeImage
from glimpse.testing.smalldisk import small_disk
from glimpse.transfer.confine import Confinement
from glimpse.transfer.disk.convert import ConvertLimits
from glimpse.transfer.disk.convert_file import Converted, convert_to_file
from glimpse.transfer.disk.failures import ReaderDied, UnreadableImage
from glimpse.transfer.disk.inspect import InspectRules
from glimpse.transfer.protocols import Progress, Stop
from glimpse.transfer.stop import NEVER, SILENT
from tests.unit.transfer.disk.children import (
    CONFINEMENTS,
    Meddler,
    StopWhenAsked,
    files_of,
    limits_of,
    network_of,
)
from tests.unit.transfer.disk.images import (
    MIB,
    VARIANTS,
    by_qemu,
    converted,
    described,
    qemu_img,
    qemu_io,
    same_disk,
    scattered,
)

QEMU = {"raw": "raw", "qcow2": "qcow2", "vmdk": "vmdk", "vdi": "vdi", "vhd": "vpc", "vpc": "vpc"}
SOURCES = {"raw": ("raw", "raw", ())} | {
    name: VARIANTS[name]
    for name in ("qcow2", "vmdk-streamOptimized", "vdi", "vhd-dynamic", "vhd-fixed", "vhdx-dynamic")
}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scattered(tmp_path_factory.mktemp("source") / "disk.raw", 9 * MIB)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """Data enough that its conversion is still running when its first report comes."""
    image = tmp_path / "large"
    qemu_img("create", "-f", "qcow2", image, "64M")
    qemu_io(image, "write -P 1 0 64M")
    return image


def file_by_us(
    image: Path,
    source_format: str,
    target_format: str,
    output: Path,
    *,
    limits: ConvertLimits | None = None,
    rules: InspectRules | None = None,
    progress: Progress = SILENT,
    stop: Stop = NEVER,
    confinement: Confinement | None = None,
) -> Converted:
    """A conversion; nothing but its result may be there afterwards, and only if it succeeded."""
    before = set(output.parent.iterdir())
    made: set[Path] = set()
    try:
        result = convert_to_file(
            image,
            source_format,
            target_format,
            output,
            limits=limits if limits is not None else ConvertLimits(),
            rules=rules if rules is not None else InspectRules(),
            progress=progress,
            stop=stop,
            confinement=confinement,
        )
        made = {output}
        assert result.length == output.stat().st_size
        return result
    finally:
        assert set(output.parent.iterdir()) == before | made


@pytest.mark.parametrize("target", ["qcow2", "vmdk", "vdi", "vhd", "vpc"])
@pytest.mark.parametrize("variant", SOURCES)
def test_gives_the_disk_that_qemu_img_gives(variant: str, target: str, source: Path, tmp_path: Path) -> None:
    ours, qemus, options = SOURCES[variant]
    image = converted(source, tmp_path / "image", qemus, *options)
    result = file_by_us(image, ours, target, tmp_path / "output")
    assert same_disk(image, qemus, tmp_path / "output", QEMU[target])
    assert described(tmp_path / "output", QEMU[target])["virtual-size"] == result.virtual_size


@pytest.mark.parametrize("variant", sorted(VARIANTS.keys() - SOURCES.keys()))
def test_reads_every_kind_of_image(variant: str, source: Path, tmp_path: Path) -> None:
    ours, qemus, options = VARIANTS[variant]
    image = converted(source, tmp_path / "image", qemus, *options)
    file_by_us(image, ours, "vdi" if ours == "qcow2" else "qcow2", tmp_path / "output")
    assert same_disk(image, qemus, tmp_path / "output", "vdi" if ours == "qcow2" else "qcow2")


@pytest.mark.parametrize("size", [0, 1, 511, 513, 65537, 5 * MIB + 1])
@pytest.mark.parametrize("target", ["qcow2", "vmdk", "vdi", "vhd"])
def test_rounds_the_disk_up_to_whole_sectors(target: str, size: int, tmp_path: Path) -> None:
    image = scattered(tmp_path / "image", size)
    if target == "vmdk" and not size:
        with pytest.raises(Invalid, match="empty disk"):
            file_by_us(image, "raw", target, tmp_path / "output")
        return
    result = file_by_us(image, "raw", target, tmp_path / "output")
    assert result.virtual_size == -(-size // 512) * 512
    assert by_qemu(tmp_path / "output", QEMU[target]) == image.read_bytes() + bytes(-size % 512)


def test_qcow2_can_be_read_everywhere_and_is_not_compressed(source: Path, tmp_path: Path) -> None:
    file_by_us(source, "raw", "qcow2", tmp_path / "output")
    found = described(tmp_path / "output", "qcow2")
    assert found["format-specific"]["data"]["compat"] == "1.1"
    assert not found["format-specific"]["data"].get("extended-l2")
    qemu_img("check", "-f", "qcow2", tmp_path / "output")
    assert b"compressed" not in described_map(tmp_path / "output")


def described_map(image: Path) -> bytes:
    """What of it is compressed has no place of its own in its map."""
    pieces = [
        piece for piece in qemu_img("map", "--output=json", image).splitlines() if b'"data": true' in piece
    ]
    assert pieces
    assert all(b'"offset"' in piece for piece in pieces)
    return b"\n".join(piece for piece in pieces if b'"compressed": true' in piece)


@pytest.mark.parametrize(
    ("allowed", "kind"),
    [
        (("streamOptimized", "monolithicSparse"), "monolithicSparse"),
        (("STREAMOPTIMIZED",), "streamOptimized"),
        (("monolithicsparse", "monolithicFlat"), "monolithicSparse"),
    ],
)
def test_vmdk_is_of_a_kind_that_the_operator_allows(
    allowed: tuple[str, ...], kind: str, source: Path, tmp_path: Path
) -> None:
    rules = InspectRules(vmdk_allowed_types=allowed)
    file_by_us(source, "raw", "vmdk", tmp_path / "output", rules=rules)
    found = described(tmp_path / "output", "vmdk")
    assert found["format-specific"]["data"]["create-type"] == kind
    assert same_disk(source, "raw", tmp_path / "output", "vmdk")


def test_vmdk_of_no_kind_that_is_one_file_is_refused(source: Path, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="vmdk_allowed_types"):
        file_by_us(
            source,
            "raw",
            "vmdk",
            tmp_path / "output",
            rules=InspectRules(vmdk_allowed_types=("monolithicFlat",)),
        )


@pytest.mark.parametrize("target", ["raw", "vhdx", "iso", "qed", "json:{}"])
def test_refuses_targets_that_it_cannot_write(target: str, source: Path, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="cannot be converted to"):
        file_by_us(source, "raw", target, tmp_path / "output")


@pytest.mark.parametrize("format", ["iso", "ploop", "qed", "json:{}"])
def test_refuses_formats_that_it_cannot_read(format: str, source: Path, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="cannot be converted"):
        file_by_us(source, format, "qcow2", tmp_path / "output")


def test_a_raw_disk_is_never_taken_for_anything_else(tmp_path: Path) -> None:
    """Left to itself, qemu-img would find a Parallels disk here, and give what that one says is in it."""
    image = tmp_path / "image"
    image.write_bytes(b"WithoutFreeSpace" + b"\x02\0\0\0" + random.Random(1).randbytes(MIB - 20))
    file_by_us(image, "raw", "qcow2", tmp_path / "output")
    assert by_qemu(tmp_path / "output", "qcow2") == image.read_bytes()


@pytest.mark.parametrize("format", ["qcow2", "vmdk", "vdi", "vpc", "vhdx"])
def test_an_image_that_is_declared_raw_is_not_packed_as_it_is(
    format: str, source: Path, tmp_path: Path
) -> None:
    image = converted(source, tmp_path / "image", format)
    with pytest.raises(UnsafeImage, match="declared raw but the data is"):
        file_by_us(image, "raw", "vdi" if format == "qcow2" else "qcow2", tmp_path / "output")


def test_refuses_what_is_not_one_file(source: Path, tmp_path: Path) -> None:
    backed, apart = tmp_path / "backed", tmp_path / "apart"
    qemu_img("create", "-f", "qcow2", "-F", "raw", "-b", source, backed)
    converted(source, apart, "qcow2", "-o", f"data_file={tmp_path / 'data'}")
    flat = converted(source, tmp_path / "flat.vmdk", "vmdk", "-o", "subformat=monolithicFlat")
    for image, format, words in (
        (backed, "qcow2", "backing file"),
        (apart, "qcow2", "external file"),
        (flat, "vmdk", "vmdk"),
    ):
        with pytest.raises(UnsafeImage, match=words):
            file_by_us(image, format, "vdi", tmp_path / "output")


@pytest.mark.parametrize(("source_format", "target"), [("raw", "qcow2"), ("qcow2", "vdi")])
def test_a_terabyte_of_holes_costs_next_to_nothing(source_format: str, target: str, tmp_path: Path) -> None:
    image = tmp_path / "image"
    qemu_img("create", "-f", source_format, image, "1T")
    qemu_io(image, "write -P 7 700G 1M", format=source_format)
    started = time.monotonic()
    result = file_by_us(
        image, source_format, target, tmp_path / "output", limits=ConvertLimits(max_sparse_bytes=1 << 40)
    )
    assert time.monotonic() - started < 10
    assert result.virtual_size == 1 << 40
    assert (tmp_path / "output").stat().st_blocks * 512 < 160 * MIB
    assert same_disk(image, source_format, tmp_path / "output", QEMU[target])
    with pytest.raises(TooLarge, match="bytes of holes"):
        file_by_us(image, source_format, target, tmp_path / "again")
    with pytest.raises(TooLarge, match="are allowed"):
        file_by_us(
            image, source_format, target, tmp_path / "again", limits=ConvertLimits(max_virtual_size=1 << 39)
        )


def test_a_disk_larger_than_a_vhd_can_be_is_a_clear_error(tmp_path: Path) -> None:
    image = tmp_path / "image"
    image.touch()
    os.truncate(image, 3 << 40)
    with pytest.raises(Invalid, match=r"cannot be converted: .*max size is 2040 GiB"):
        file_by_us(image, "raw", "vhd", tmp_path / "output", limits=ConvertLimits(max_sparse_bytes=4 << 40))


def test_reports_its_progress(large: Path, tmp_path: Path) -> None:
    progress = Meddler()
    file_by_us(large, "qcow2", "vdi", tmp_path / "output", progress=progress)
    done = [report[1] for report in progress.reports]
    assert done == sorted(done)
    assert done[0] < 64 * MIB
    assert done[-1] == 64 * MIB
    assert len(set(done)) > 3
    assert {(phase, total) for phase, _, total in progress.reports} == {("image_conversion", 64 * MIB)}


@pytest.mark.parametrize("kind", CONFINEMENTS)
def test_the_converter_is_held_to_its_limits_and_sees_nothing(kind: str, large: Path, tmp_path: Path) -> None:
    seen: list[tuple[dict[str, tuple[str, str]], tuple[str, list[str]], set[str], list[str]]] = []

    def look(process: psutil.Process) -> None:
        process.suspend()
        seen.append((limits_of(process), network_of(process), files_of(process), process.cmdline()))
        process.resume()

    file_by_us(
        large,
        "qcow2",
        "vdi",
        tmp_path / "output",
        limits=ConvertLimits(cpu_seconds=77, address_space=3 << 30),
        progress=Meddler(look),
        confinement=CONFINEMENTS[kind](),
    )
    [(held, (network, interfaces), files, command)] = seen
    assert held["Max cpu time"] == ("77", "82")
    assert held["Max address space"] == (str(3 << 30), str(3 << 30))
    assert 64 * MIB < int(held["Max file size"][0]) <= 82 * MIB
    assert held["Max core file size"] == ("0", "0")
    assert network != network_of(psutil.Process())[0]
    assert interfaces == ["lo"]
    assert command[command.index("--image-opts") + 1].startswith("driver=qcow2,file.driver=file,")
    if kind == "bubblewrap":
        assert {"in", "out"} <= files
        assert files.isdisjoint({"etc", "home", "root", "tmp", "proc", "sys", "work", "var"})
        assert not any(str(tmp_path) in word for word in command)


@pytest.mark.parametrize("kind", CONFINEMENTS)
def test_killed_converter_is_a_clear_error(kind: str, large: Path, tmp_path: Path) -> None:
    with pytest.raises(ReaderDied, match="was killed") as caught:
        file_by_us(
            large,
            "qcow2",
            "vdi",
            tmp_path / "output",
            progress=Meddler(lambda process: process.kill()),
            confinement=CONFINEMENTS[kind](),
        )
    assert caught.value.retryable


@pytest.mark.parametrize("kind", CONFINEMENTS)
def test_stops_within_a_second_also_when_the_converter_is_silent(
    kind: str, large: Path, tmp_path: Path
) -> None:
    stop = StopWhenAsked()

    def silence(process: psutil.Process) -> None:
        process.suspend()
        stop.ask()

    with pytest.raises(Cancelled):
        file_by_us(
            large,
            "qcow2",
            "vdi",
            tmp_path / "output",
            progress=Meddler(silence),
            stop=stop,
            confinement=CONFINEMENTS[kind](),
        )
    assert stop.asked_at is not None
    assert time.monotonic() - stop.asked_at < 1


def test_silent_converter_is_given_up(large: Path, tmp_path: Path) -> None:
    with pytest.raises(UnreadableImage, match="no progress"):
        file_by_us(
            large,
            "qcow2",
            "vdi",
            tmp_path / "output",
            limits=ConvertLimits(stall_seconds=0.3),
            progress=Meddler(lambda process: process.suspend()),
        )


def test_processor_time_that_is_used_up_is_a_clear_error(tmp_path: Path) -> None:
    """Packing takes it: a second is enough for a part only."""
    image = tmp_path / "image"
    image.write_bytes(random.Random(1).randbytes(MIB) * 200)
    with pytest.raises(UnreadableImage, match="too much CPU time"):
        file_by_us(
            image,
            "raw",
            "vmdk",
            tmp_path / "output",
            limits=ConvertLimits(cpu_seconds=1),
            rules=InspectRules(vmdk_allowed_types=("streamOptimized",)),
        )


def test_disk_that_fills_up_is_a_clear_error(large: Path) -> None:
    with small_disk(80 * MIB) as place, (place / "other").open("wb", buffering=0) as other:

        def fill(process: psutil.Process) -> None:
            process.suspend()
            # A write that meets the end of the disk is cut short.
            while other.write(bytes(MIB)) == MIB:
                pass
            process.resume()

        with pytest.raises(NoSpace, match=r"no space left to convert the qcow2 image$"):
            file_by_us(large, "qcow2", "vdi", place / "output", progress=Meddler(fill))


@pytest.mark.parametrize("variant", ["qcow2", "qcow2-zlib", "vmdk-streamOptimized", "vhd-fixed", "raw"])
def test_what_will_not_fit_is_refused_before_it_is_written(variant: str, tmp_path: Path) -> None:
    """Also of a packed image, which is smaller than the room that there is."""
    ours, qemus, options = SOURCES.get(variant) or VARIANTS[variant]
    text = tmp_path / "text"
    text.write_bytes(b"text" * (5 * MIB))
    image = converted(text, tmp_path / "image", qemus, *options)
    progress = Meddler()
    words = f"has {20 * MIB} bytes of data, and {16 * MIB} are free"
    with small_disk(16 * MIB) as place, pytest.raises(NoSpace, match=words):
        file_by_us(image, ours, "vdi", place / "output", progress=progress)
    assert progress.reports == []


@pytest.mark.parametrize("format", ["raw", "qcow2", "vhdx"])
def test_holes_need_no_room(format: str, tmp_path: Path) -> None:
    image = tmp_path / "image"
    qemu_img("create", "-f", format, image, "1G")
    qemu_io(image, "write -P 1 500M 8M", format=format)
    with small_disk(16 * MIB) as place:
        file_by_us(image, format, "vdi", place / "output")
        assert same_disk(image, format, place / "output", "vdi")


def test_a_file_left_by_a_dead_process_is_replaced(source: Path, tmp_path: Path) -> None:
    left = tmp_path / "output.part"
    left.write_bytes(b"left" * MIB)
    with left.open("rb") as still_open:
        convert_to_file(
            source, "raw", "qcow2", tmp_path / "output", limits=ConvertLimits(), rules=InspectRules()
        )
        assert still_open.read(4) == b"left"
    assert not left.exists()
    assert same_disk(source, "raw", tmp_path / "output", "qcow2")


@pytest.mark.parametrize("format", ["qcow2", "vmdk", "vdi", "vhdx", "vpc"])
def test_damaged_images_end_in_an_error_or_as_qemu_reads_them(format: str, tmp_path: Path) -> None:
    """Seeded, so that a failure can be had again."""
    target = "vdi" if format == "qcow2" else "qcow2"
    options = ("-o", "cluster_size=4096") if format == "qcow2" else ()
    intact = converted(
        scattered(tmp_path / "raw", 3 * MIB), tmp_path / "intact", format, *options
    ).read_bytes()
    limits = ConvertLimits(max_virtual_size=64 * MIB, cpu_seconds=5, stall_seconds=10)
    readable = 0
    for seed in range(100, 125):
        chance = random.Random(seed)
        damaged = bytearray(intact)
        reach = chance.choice([112, 600, 4096, 65536, len(damaged)])
        for _ in range(chance.randint(1, 12)):
            damaged[chance.randrange(min(reach, len(damaged)))] = chance.choice([0, 1, 0x7F, 0x80, 0xFF])
        image = tmp_path / f"damaged-{seed}"
        image.write_bytes(damaged)
        output = tmp_path / f"output-{seed}"
        try:
            file_by_us(image, format, target, output, limits=limits)
        except GlimpseError:
            continue
        readable += 1
        assert same_disk(image, format, output, target), f"seed {seed}"
    assert 0 < readable < 25


def test_truncated_image_is_an_error(source: Path, tmp_path: Path) -> None:
    image = converted(source, tmp_path / "image", "qcow2")
    os.truncate(image, image.stat().st_size // 2)
    with pytest.raises(UnreadableImage, match="not complete") as caught:
        file_by_us(image, "qcow2", "vdi", tmp_path / "output")
    assert str(tmp_path) not in str(caught.value)
