"""What streams are found to be, however they are cut into chunks."""

import random
import struct
import tracemalloc
from pathlib import Path

import pytest

from glimpse.errors import UnsafeImage
from glimpse.transfer.disk.inspect import Finding, Inspector, InspectRules, inspect_file
from tests.unit.transfer.disk.images import MIB, by_us, converted, qemu_img, scattered

RULES = InspectRules()
SIZE = 9 * MIB


def inspected(data: bytes, declared: str | None, rules: InspectRules = RULES, chunk: int = MIB) -> Finding:
    inspector = Inspector(declared, rules)
    for start in range(0, len(data), chunk):
        inspector.feed(data[start : start + chunk])
    return inspector.finish()


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("images")
    raw = scattered(place / "raw", SIZE)
    return {
        "raw": raw,
        "qcow2": converted(raw, place / "qcow2", "qcow2"),
        "vmdk-monolithicSparse": converted(raw, place / "sparse", "vmdk"),
        "vmdk-streamOptimized": converted(raw, place / "stream", "vmdk", "-o", "subformat=streamOptimized"),
        "vdi": converted(raw, place / "vdi", "vdi"),
        "vhd-dynamic": converted(raw, place / "vhd", "vpc", "-o", "force_size=on"),
        "vhd-fixed": converted(raw, place / "vhdf", "vpc", "-o", "subformat=fixed,force_size=on"),
        "vhdx": converted(raw, place / "vhdx", "vhdx"),
    }


FORMATS = [
    "raw",
    "qcow2",
    "vmdk-monolithicSparse",
    "vmdk-streamOptimized",
    "vdi",
    "vhd-dynamic",
    "vhd-fixed",
    "vhdx",
]


@pytest.mark.parametrize("chunk", [1000, 4096, MIB, 4 * MIB, 64 * MIB])
@pytest.mark.parametrize("name", FORMATS)
def test_finds_format_and_virtual_size_whatever_the_chunks(
    name: str, chunk: int, images: dict[str, Path]
) -> None:
    format = name.split("-")[0]
    assert inspected(images[name].read_bytes(), format, chunk=chunk) == Finding(format, SIZE, None)


@pytest.mark.parametrize("name", FORMATS)
def test_finds_the_format_of_undeclared_data(name: str, images: dict[str, Path]) -> None:
    assert inspected(images[name].read_bytes(), None).format == name.split("-")[0]


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_is_judged_like_a_stream_by_its_ends(name: str, images: dict[str, Path]) -> None:
    for declared in (name.split("-")[0], "raw", "iso", None):
        assert inspect_file(images[name], declared, RULES) == inspected(images[name].read_bytes(), declared)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_takes_any_buffer(kind: type, images: dict[str, Path]) -> None:
    inspector = Inspector("qcow2", RULES)
    inspector.feed(kind(images["qcow2"].read_bytes()))
    assert inspector.finish() == Finding("qcow2", SIZE, None)


def test_declared_format_must_match(images: dict[str, Path]) -> None:
    finding = inspect_file(images["vhdx"], "qcow2", RULES)
    assert finding.refusal == "declared qcow2 but the data is vhdx"
    with pytest.raises(UnsafeImage, match="declared qcow2 but the data is vhdx"):
        finding.raise_if_refused()
    random_bytes = inspected(b"\x07" * 4096, "qcow2")
    assert random_bytes.refusal == "declared qcow2 but the data is not recognised as any disk format"


def test_mismatch_is_only_a_warning_where_the_operator_says_so(images: dict[str, Path]) -> None:
    finding = inspect_file(images["vhdx"], "qcow2", InspectRules(require_format_match=False))
    assert finding == Finding("vhdx", SIZE, None, "declared qcow2 but the data is vhdx")
    finding.raise_if_refused()


@pytest.mark.parametrize("name", FORMATS)
def test_declared_raw_takes_anything_as_it_is(name: str, images: dict[str, Path]) -> None:
    finding = inspect_file(images[name], "raw", RULES)
    assert finding.refusal is None
    assert finding.virtual_size == images[name].stat().st_size
    assert (finding.warning is None) == (name == "raw")


@pytest.mark.parametrize("declared", ["ami", "ari", "aki", "ploop"])
def test_formats_without_marks_take_unrecognised_data_only(declared: str, images: dict[str, Path]) -> None:
    assert inspect_file(images["raw"], declared, RULES).refusal is None
    assert (
        inspect_file(images["qcow2"], declared, RULES).refusal == f"declared {declared} but the data is qcow2"
    )


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 100_000])
def test_short_streams_are_raw(size: int) -> None:
    assert inspected(b"\x07" * size, "raw") == Finding("raw", size, None)
    assert inspected(b"\x07" * size, None) == Finding("raw", size, None)


def test_qcow2_with_a_backing_file_is_refused(images: dict[str, Path], tmp_path: Path) -> None:
    qemu_img("create", "-f", "qcow2", "-F", "raw", "-b", images["raw"], tmp_path / "image")
    finding = inspect_file(tmp_path / "image", "qcow2", RULES)
    assert finding.refusal is not None
    assert "backing_file" in finding.refusal
    assert "flatten" in finding.refusal


def test_qcow2_with_a_data_file_is_refused(images: dict[str, Path], tmp_path: Path) -> None:
    image = converted(images["raw"], tmp_path / "image", "qcow2", "-o", f"data_file={tmp_path / 'data'}")
    finding = inspect_file(image, "qcow2", RULES)
    assert finding.refusal is not None
    assert "data_file" in finding.refusal


def test_qcow2_with_unknown_features_is_refused(images: dict[str, Path]) -> None:
    data = bytearray(images["qcow2"].read_bytes())
    data[72] |= 0x40
    finding = inspected(bytes(data), "qcow2")
    assert finding.refusal is not None
    assert "unknown_features" in finding.refusal


def test_qed_is_never_allowed() -> None:
    finding = inspected(b"QED\0" + bytes(4096), "qed")
    assert finding.refusal is not None
    assert "never allowed" in finding.refusal


def test_vmdk_types_are_those_of_the_operator(images: dict[str, Path]) -> None:
    image = images["vmdk-monolithicSparse"]
    assert inspect_file(image, "vmdk", InspectRules(vmdk_allowed_types=("monolithicSparse",))).refusal is None
    finding = inspect_file(image, "vmdk", InspectRules(vmdk_allowed_types=("streamOptimized",)))
    assert finding.refusal == "vmdk of type monolithicsparse is not allowed; allowed: streamOptimized"
    assert inspect_file(image, "vmdk", InspectRules(vmdk_allowed_types=())).refusal is not None


@pytest.mark.parametrize("chunk", [4, 63, 512, MIB])
def test_vmdk_that_names_other_files_is_refused_whatever_the_chunks(chunk: int) -> None:
    text = b'# Disk DescriptorFile\nversion=1\ncreateType="monolithicFlat"\nRW 8 FLAT "/etc/passwd" 0\n'
    finding = inspected(text, "vmdk", chunk=chunk)
    assert finding.refusal is not None
    assert "monolithicflat is not allowed" in finding.refusal
    assert inspected(text, None, chunk=chunk).refusal == finding.refusal


def test_vmdk_descriptor_that_is_no_ascii_is_refused() -> None:
    text = b"# Disk DescriptorFile\nversion=1\n" + b"#" * 600 + b'\xff\ncreateType="monolithicFlat"\n'
    finding = inspected(text + b'RW 8 FLAT "/etc/passwd" 0\n', "vmdk")
    assert finding.refusal is not None
    assert finding.format == "vmdk"


def test_vmdk_with_a_parent_disk_is_refused(images: dict[str, Path], tmp_path: Path) -> None:
    image = tmp_path / "image"
    qemu_img("create", "-f", "vmdk", "-F", "vmdk", "-b", images["vmdk-monolithicSparse"], image)
    finding = inspect_file(image, "vmdk", RULES)
    assert finding.refusal is not None
    assert "backing_file" in finding.refusal


def with_footer(image: bytes) -> bytearray:
    """A vmdk rewritten as VMware streams it: where the tables are is said at the end."""
    header = bytearray(image[:512])
    footer = bytes(header)
    header[56:64] = b"\xff" * 8
    marker = struct.pack("<QII496x", 1, 0, 3)
    return bytearray(bytes(header) + image[512:] + marker + footer + bytes(512))


@pytest.mark.parametrize("chunk", [1000, 1111, MIB, 64 * MIB])
def test_vmdk_footer_that_contradicts_the_header_is_refused(chunk: int, images: dict[str, Path]) -> None:
    data = with_footer(images["vmdk-streamOptimized"].read_bytes())
    assert inspected(bytes(data), "vmdk", chunk=chunk) == Finding("vmdk", SIZE, None)
    data[-1024 + 28] ^= 1  # where the descriptor is
    finding = inspected(bytes(data), "vmdk", chunk=chunk)
    assert finding.refusal is not None
    assert "footer" in finding.refusal
    assert inspected(bytes(data[:-512]), "vmdk", chunk=chunk).refusal is not None


def test_vmdk_footer_of_a_file_is_read(images: dict[str, Path], tmp_path: Path) -> None:
    data = with_footer(images["vmdk-streamOptimized"].read_bytes())
    image = tmp_path / "image"
    image.write_bytes(data)
    assert inspect_file(image, "vmdk", RULES) == Finding("vmdk", SIZE, None)
    assert by_us(image, "vmdk") == images["raw"].read_bytes()
    data[-1024 + 28] ^= 1
    image.write_bytes(data)
    assert inspect_file(image, "vmdk", RULES).refusal is not None


def test_differencing_vhd_is_refused(images: dict[str, Path]) -> None:
    data = bytearray(images["vhd-dynamic"].read_bytes())
    data[60:64] = (4).to_bytes(4, "big")
    finding = inspected(bytes(data), "vhd")
    assert finding.refusal is not None
    assert "parent" in finding.refusal


def test_vhdx_without_readable_metadata_is_refused(images: dict[str, Path]) -> None:
    data = images["vhdx"].read_bytes()
    assert inspected(data[:MIB], "vhdx").refusal is not None
    far = bytearray(data[:MIB])
    position = far.index(bytes.fromhex("06a27c8b90479a4bb8fe575f050f886e"))
    far[position + 16 : position + 24] = (1 << 40).to_bytes(8, "little")
    inspector = Inspector("vhdx", RULES)
    inspector.feed(bytes(far))
    inspector.feed_zeros(2 << 40)  # at once: nothing is looked for beyond the first MiBs
    assert inspector.finish().refusal is not None


def test_luks_version_is_checked_unless_kept_raw() -> None:
    data = b"LUKS\xba\xbe" + (2).to_bytes(2, "big") + bytes(4096)
    finding = inspected(data, "luks")
    assert finding.refusal is not None
    assert "version" in finding.refusal
    assert inspected(data, "raw").refusal is None


def partitioned(*entries: tuple[int, int], boot: int = 0) -> bytes:
    """A disk with an MBR of ``(type, first sector)``."""
    sector = bytearray(SIZE)
    for number, (kind, first) in enumerate(entries):
        entry = struct.pack("<B3BB3BII", boot, 0, 2, 0, kind, 0, 0, 0, first, 100)
        sector[446 + 16 * number : 462 + 16 * number] = entry
    sector[510:512] = b"\x55\xaa"
    return bytes(sector)


def test_partitioned_disks_are_raw() -> None:
    for disk in (partitioned((0x83, 2048)), partitioned((0xEE, 1))):
        assert inspected(disk, "raw") == Finding("raw", SIZE, None)
        assert inspected(disk, None) == Finding("raw", SIZE, None)
        assert inspected(disk, "ami").refusal is None
        assert inspected(disk, "qcow2").refusal is not None


@pytest.mark.parametrize(
    "disk",
    [partitioned(), partitioned((0xEE, 1), (0x83, 2048)), partitioned((0x83, 1), boot=0x13)],
    ids=["no-partition", "gpt-beside-others", "boot-flag"],
)
def test_insane_partition_tables_are_refused_unless_tolerated(disk: bytes) -> None:
    finding = inspected(disk, "raw")
    assert finding.refusal is not None
    assert "(check: mbr)" in finding.refusal
    assert inspected(disk, "raw", InspectRules(gpt_nonfatal=("mbr",))).refusal is None
    assert inspected(disk, "aki").refusal is None
    assert inspected(disk, "ari").refusal is None
    assert inspected(disk, "ami").refusal is not None


def iso(disk: bytes = bytes(40 * 2048)) -> bytes:
    data = bytearray(disk)
    data[32768:32774] = b"\x01CD001"
    data[32768 + 80 : 32768 + 84] = (20).to_bytes(4, "little")
    data[32768 + 128 : 32768 + 130] = (2048).to_bytes(2, "little")
    return bytes(data)


def test_iso_is_iso_also_when_it_boots_from_a_stick() -> None:
    assert inspected(iso(), "iso") == Finding("iso", 40960, None)
    assert inspected(iso(partitioned()), "iso") == Finding("iso", 40960, None)
    assert inspected(iso(partitioned()), None).format == "iso"


@pytest.mark.parametrize("declared", ["iso", "qcow2", "raw", None])
def test_data_of_several_formats_is_refused(declared: str | None, images: dict[str, Path]) -> None:
    for data in (
        iso(images["qcow2"].read_bytes()[:512] + bytes(SIZE)),
        iso(partitioned())[:-512] + images["vhd-fixed"].read_bytes()[-512:],
    ):
        finding = inspected(data, declared)
        assert finding.refusal is not None
        assert "at once" in finding.refusal


@pytest.mark.parametrize("name", FORMATS)
def test_zeros_may_be_told_instead_of_shown(name: str, images: dict[str, Path]) -> None:
    data = images[name].read_bytes()
    format = name.split("-")[0]
    inspector = Inspector(format, RULES)
    for start in range(0, len(data), 4096):
        block = data[start : start + 4096]
        if any(block):
            inspector.feed(block)
        else:
            inspector.feed_zeros(len(block))
    assert inspector.finish() == Finding(format, SIZE, None)


def test_footer_after_a_hole_is_seen(images: dict[str, Path]) -> None:
    inspector = Inspector("vhd", RULES)
    inspector.feed_zeros(1 << 40)
    inspector.feed(images["vhd-fixed"].read_bytes()[-512:])
    assert inspector.finish().format == "vhd"


def test_memory_does_not_grow_with_the_stream() -> None:
    chunk = bytes(MIB)
    inspector = Inspector("raw", RULES)
    tracemalloc.start()
    try:
        for _ in range(256):
            inspector.feed(chunk)
        inspector.feed_zeros(1 << 50)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 12 * MIB


def test_no_bytes_can_make_it_stumble(images: dict[str, Path]) -> None:
    """Seeded, so that a failure can be had again."""
    for name in FORMATS:
        intact = images[name].read_bytes()[: 3 * MIB]
        for seed in range(25):
            chance = random.Random(f"{name}-{seed}")
            damaged = bytearray(intact[: chance.choice([70, 600, 70_000, len(intact)])])
            for _ in range(chance.randint(1, 30)):
                place = chance.choice([600, 300_000, len(damaged)])
                damaged[chance.randrange(min(place, len(damaged)))] = chance.randrange(256)
            for declared in (name.split("-")[0], "raw", None):
                finding = inspected(bytes(damaged), declared, chunk=chance.choice([100, 65536, MIB]))
                assert isinstance(finding, Finding)
