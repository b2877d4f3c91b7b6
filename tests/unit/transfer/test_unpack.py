"""What is packed, in any way and order, gives the bytes that were packed, and leaves nothing behind."""

import gzip
import os
import random
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from io import BytesIO
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glimpse.errors import Cancelled, GlimpseError, Invalid, NoSpace, TooLarge, Unavailable
from glimpse.testing.smalldisk import small_disk
from glimpse.transfer import confine
from glimpse.transfer.decompress import UNLIMITED, Limits
from glimpse.transfer.extent import Buffer
from glimpse.transfer.streams import close
from glimpse.transfer.unpack import unpack
from tests.unit.transfer.archive.pack import MIB, lha, noise, packed, run, tar_of
from tests.unit.transfer.helpers import DEADLINE, SOON, cut

DISK = random.Random(4).randbytes(400_000) + bytes(3 * MIB) + noise(200_001)
README = b"Read me.\n"
FILES = {"README": README, "disk.raw": DISK}
OVF = b"<Envelope></Envelope>"


class Source:
    """Chunks that know whether they were closed."""

    def __init__(self, data: bytes, step: int = 100_000) -> None:
        self.closed = threading.Event()
        self._chunks = cut(data, step)

    def __iter__(self) -> Iterator[Buffer]:
        return self

    def __next__(self) -> Buffer:
        return next(self._chunks)

    def close(self) -> None:
        self.closed.set()


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    before = set(psutil.Process().children(recursive=True))
    yield
    assert set(psutil.Process().children(recursive=True)) <= before


@pytest.fixture
def staging(tmp_path: Path) -> Iterator[Path]:
    """A directory for spools, empty again after the test."""
    directory = tmp_path / "staging"
    directory.mkdir()
    yield directory
    assert list(directory.iterdir()) == []


def unpacked(
    data: bytes, staging: Path, *, step: int = 100_000, limits: Limits = UNLIMITED, file: Path | None = None
) -> tuple[tuple[str, ...], str | None, bytes]:
    """Layers, name and content of what is inside; the source is always closed."""
    source = Source(data, step)
    try:
        result = unpack(source, spool_path=lambda: staging / "spool", limits=limits, file=file)
        content = bytearray()
        for chunk in result.chunks:
            assert 0 < len(chunk) <= 4 * MIB
            content += chunk
        return result.layers, result.member, bytes(content)
    finally:
        assert source.closed.wait(DEADLINE)


def zip_of(files: dict[str, bytes]) -> bytes:
    target = BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


def tar(files: dict[str, bytes]) -> bytes:
    return tar_of([(tarfile.TarInfo(name), content) for name, content in files.items()])


@pytest.mark.parametrize("data", [b"", b"x", DISK, bytes(1000)], ids=["empty", "byte", "disk", "zeros"])
def test_what_is_not_packed_passes_unchanged(data: bytes, staging: Path) -> None:
    assert unpacked(data, staging) == ((), None, data)


@pytest.mark.parametrize("kind", ["tar", "zip", "7z", "lha"])
@pytest.mark.parametrize("by", ["stream", "file"])
def test_the_disk_in_an_archive_is_found(kind: str, by: str, tmp_path: Path, staging: Path) -> None:
    archive = packed(kind, tmp_path, FILES)
    file = archive if by == "file" else None
    assert unpacked(archive.read_bytes(), staging, file=file) == ((kind,), "disk.raw", DISK)


@pytest.mark.parametrize("step", [1, 511, 70_000, 4 * MIB])
def test_any_size_of_chunk_will_do(step: int, staging: Path) -> None:
    disk = noise(5000)
    for archive, kind in ((tar({"d": disk}), "tar"), (zip_of({"d": disk}), "zip"), (lha({"d": disk}), "lha")):
        assert unpacked(archive, staging, step=step) == ((kind,), "d", disk)


@pytest.mark.parametrize(
    ("option", "name"), [("-z", "gzip"), ("-J", "xz"), ("--zstd", "zstd"), ("-j", "bzip2")]
)
def test_a_compressed_tar_is_two_layers(option: str, name: str, tmp_path: Path, staging: Path) -> None:
    archive = packed("tar", tmp_path, FILES, option).read_bytes()
    assert unpacked(archive, staging) == ((name, "tar"), "disk.raw", DISK)


def test_layers_in_every_order(staging: Path) -> None:
    packers: dict[str, Callable[[bytes], bytes]] = {
        "gzip": partial(gzip.compress, compresslevel=1),
        "tar": lambda data: tar({"inside": data}),
        "zip": lambda data: zip_of({"inside": data}),
        "lha": lambda data: lha({"inside": data}),
    }
    disk = noise(70_000)
    for outer in packers:
        for inner in packers:
            expected = (outer, inner) if outer == inner else (outer, inner, outer)
            data = disk
            for layer in reversed(expected):
                data = packers[layer](data)
            layers, _, content = unpacked(data, staging)
            assert (layers, content) == (expected, disk)


def test_more_than_three_layers_are_refused(staging: Path) -> None:
    data = DISK
    for _ in range(4):
        data = gzip.compress(data, 1)
    with pytest.raises(Invalid, match=r"packed more than 3 times: gzip, gzip, gzip, gzip\.$"):
        unpacked(data, staging)


def test_an_ova_with_a_compressed_disk(tmp_path: Path, staging: Path) -> None:
    """The manifest is about the file that is in the archive, not about what is in that."""
    image = tmp_path / "disk.vmdk"
    run("qemu-img", "create", "-q", "-f", "vmdk", "-o", "subformat=streamOptimized", image, "64M")
    plain = image.read_bytes()
    assert unpacked(tar({"x.ovf": OVF, "disk.vmdk": plain}), staging) == (("tar",), "disk.vmdk", plain)
    large = random.Random(1).randbytes(2 * MIB)
    run("gzip", "-k", image)
    (tmp_path / "large").write_bytes(large)
    run("gzip", "-k", tmp_path / "large")
    digest = run("sha256sum", tmp_path / "large.gz").split()[0]
    files = {
        "x.ovf": OVF,
        "x.mf": b"SHA256(disk.gz)= %s\n" % digest,
        "disk.gz": (tmp_path / "large.gz").read_bytes(),
    }
    assert unpacked(tar(files), staging) == (("tar", "gzip"), "disk.gz", large)
    # A small one has no marks of a disk, so only one that stands alone is it.
    small = {"disk.gz": (tmp_path / "disk.vmdk.gz").read_bytes()}
    assert unpacked(tar(small), staging) == (("tar", "gzip"), "disk.gz", plain)
    with pytest.raises(Invalid, match="holds no disk"):
        unpacked(tar({"x.ovf": OVF, **small}), staging)


def test_damage_in_the_layer_around_is_found_behind_the_archive(staging: Path) -> None:
    """The checksum of a gzip stands behind all of the tar's bytes."""
    data = bytearray(gzip.compress(tar(FILES), 1))
    data[-6] ^= 1
    with pytest.raises(Invalid, match="gzip"):
        unpacked(bytes(data), staging)
    with pytest.raises(Invalid, match="gzip"):
        unpacked(gzip.compress(tar(FILES), 1)[:-2], staging)


@pytest.mark.parametrize("kind", ["tar", "zip", "7z", "lha"])
def test_output_beyond_the_limit_ends_it(kind: str, tmp_path: Path, staging: Path) -> None:
    archive = packed(kind, tmp_path, FILES).read_bytes()
    exact = len(archive) if kind in ("zip", "7z") and len(archive) > len(DISK) else len(DISK)
    assert unpacked(archive, staging, limits=Limits(max_bytes=exact))[2] == DISK
    with pytest.raises(TooLarge, match=f"{len(DISK) - 1}"):
        unpacked(archive, staging, limits=Limits(max_bytes=len(DISK) - 1))


@pytest.mark.parametrize("layers", [1, 2])
def test_a_bomb_of_zeros_is_stopped_by_its_ratio(layers: int, tmp_path: Path, staging: Path) -> None:
    """A sparse member costs nothing to store: 8 GiB come of 10 KiB."""
    (tmp_path / "disk").touch()
    os.truncate(tmp_path / "disk", 8 << 30)
    data = run("tar", "-cS", "disk", cwd=tmp_path)
    for _ in range(layers - 1):
        data = gzip.compress(data)
    result = unpack(Source(data), spool_path=lambda: staging / "spool", limits=Limits(max_ratio=250))
    given: list[int] = []
    with pytest.raises(TooLarge, match="tar data unpacks to more than 250 times"):
        given.extend(map(len, result.chunks))
    assert sum(given) <= 1 << 30


def test_closing_early_leaves_nothing(staging: Path) -> None:
    disk = random.Random(5).randbytes(8 * MIB)
    for archive in (tar({"d": disk}), gzip.compress(tar({"d": disk}), 1), zip_of({"d": disk}), disk):
        for taken in (0, 1):
            source = Source(archive)
            result = unpack(source, spool_path=lambda: staging / "spool")
            for _ in range(taken):
                next(result.chunks)
            started = time.monotonic()
            close(result.chunks)
            assert time.monotonic() - started < SOON
            assert source.closed.wait(DEADLINE)


@pytest.mark.parametrize("pack", [tar, zip_of, lha], ids=["tar", "zip", "lha"])
def test_what_the_source_raises_is_raised(pack: Callable[[dict[str, bytes]], bytes], staging: Path) -> None:
    def failing() -> Iterator[Buffer]:
        data = pack({"d": random.Random(6).randbytes(2 * MIB)})
        yield from cut(data[: len(data) // 2], 50_000)
        raise Unavailable("the line is dead")

    with pytest.raises(Unavailable, match="the line is dead"):
        list(unpack(failing(), spool_path=lambda: staging / "spool").chunks)


@pytest.mark.parametrize("pack", [tar, zip_of], ids=["tar", "zip"])
def test_a_stop_ends_it(pack: Callable[[dict[str, bytes]], bytes], staging: Path) -> None:
    class Stopped:
        def check(self) -> None:
            raise Cancelled("stopped")

    source = Source(pack({"d": DISK}))
    with pytest.raises(Cancelled):
        list(unpack(source, spool_path=lambda: staging / "spool", stop=Stopped()).chunks)
    assert source.closed.wait(DEADLINE)


def test_staging_that_is_full_is_told() -> None:
    archive = zip_of({"d": random.Random(7).randbytes(6 * MIB)})
    with small_disk(4 * MIB) as place:
        source = Source(archive)
        with pytest.raises(NoSpace):
            unpack(source, spool_path=lambda: place / "spool")
        assert list(place.iterdir()) == []
        assert source.closed.wait(DEADLINE)


def test_a_place_for_the_spool_that_cannot_be_had_is_told(staging: Path) -> None:
    def none() -> Path:
        raise NoSpace("staging is full")

    source = Source(zip_of(FILES))
    with pytest.raises(NoSpace, match="staging is full"):
        unpack(source, spool_path=none)
    assert source.closed.is_set()


def test_works_without_bubblewrap(staging: Path) -> None:
    plain = confine.probe(bubblewrap=False)
    for archive in (tar(FILES), zip_of(FILES)):
        result = unpack(Source(archive), spool_path=lambda: staging / "spool", confinement=plain)
        assert b"".join(result.chunks) == DISK


SMALL = {"README": README, "disk": random.Random(8).randbytes(3000) + bytes(MIB)}


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    directory = tmp_path_factory.mktemp("archives")
    made = {kind: packed(kind, directory, SMALL).read_bytes() for kind in ("tar", "zip", "7z", "lha")}
    return made | {"sparse": packed("tar", directory, SMALL, "-S", "--format=pax").read_bytes()}


@pytest.mark.parametrize("kind", ["tar", "sparse", "zip", "7z", "lha"])
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_mutated_archives_are_refused_or_right(
    kind: str, data: st.DataObject, archives: dict[str, bytes], tmp_path: Path
) -> None:
    """Where there is a checksum. (A tar has none for content: there the bytes may differ, never their number.)"""
    whole = archives[kind]
    mutated = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        # Headers are at the ends, and more is to be broken there.
        at = data.draw(
            st.one_of(st.integers(0, 1100), st.integers(-1100, -1), st.integers(0, len(whole) - 1))
        )
        at = max(-len(mutated), min(at, len(mutated) - 1))
        change = data.draw(st.sampled_from(["set", "cut", "double"]))
        if change == "set":
            mutated[at] = data.draw(
                st.sampled_from([0, 1, 0x7F, 0x80, 0xFF, ord("9"), data.draw(st.integers(0, 255))])
            )
        elif change == "cut" and len(mutated) > 600:
            del mutated[at : at + data.draw(st.integers(1, 64))]
        else:
            mutated[at:at] = mutated[at : at + 64]
    started = time.monotonic()
    limits = Limits(max_bytes=64 * MIB)
    try:
        result = unpack(cut(bytes(mutated), 60_000), spool_path=lambda: tmp_path / "spool", limits=limits)
        content = b"".join(result.chunks)
    except (Invalid, TooLarge):
        content = None
    except GlimpseError as error:
        raise AssertionError(f"{type(error)} is no answer to wrong bytes") from error
    assert time.monotonic() - started < DEADLINE
    if content is None or kind in ("tar", "sparse") or result.layers != (kind,):
        return
    assert content in SMALL.values()
