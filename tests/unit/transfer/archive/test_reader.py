"""What the real tools pack is told as it is; and whatever the child does, its reader gets a clear error."""

import os
import resource
import signal
import struct
import tarfile
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from glimpse.errors import Cancelled, GlimpseError, Unavailable
from glimpse.transfer import confine
from glimpse.transfer.archive.member import Member
from glimpse.transfer.archive.reader import ReaderKilled, UnreadableArchive, read
from glimpse.transfer.extent import Buffer
from tests.unit.transfer.archive.pack import MIB, noise, packed, place, run, tar_of
from tests.unit.transfer.helpers import DEADLINE, SOON, cut

BOTH = pytest.mark.parametrize(
    "confinement", [confine.probe(), confine.probe(bubblewrap=False)], ids=["bubblewrap", "limits-only"]
)
FILES = {"disk.img": noise(MIB + 7), "empty": b"", "folder/düßk 日本.txt": b"short"}
KINDS = ["tar", "zip", "7z", "lha"]


def told(
    kind: str, archive: Path | bytes, confinement: confine.Confinement | None = None
) -> dict[str, bytes | None]:
    """Every member's content; None for what is not a regular file."""
    result: dict[str, bytes | None] = {}
    name = ""
    for item in events(kind, archive, confinement):
        if isinstance(item, Member):
            name = item.name
            result[name] = b"" if item.regular else None
        else:
            assert 0 < len(item) <= MIB
            content = result[name]
            assert content is not None
            result[name] = content + item
    return result


def events(
    kind: str, archive: Path | bytes, confinement: confine.Confinement | None = None
) -> Iterator[Member | Buffer]:
    """What the reader gives for an archive, as chunks or as a file."""
    if isinstance(archive, bytes):
        yield from read(kind, cut(archive, 100_000), confinement=confinement)
        return
    descriptor = os.open(archive, os.O_RDONLY)
    try:
        yield from read(kind, descriptor, confinement=confinement)
    finally:
        os.close(descriptor)


@BOTH
@pytest.mark.parametrize("kind", KINDS)
def test_tells_what_the_tool_packed(kind: str, tmp_path: Path, confinement: confine.Confinement) -> None:
    # A tool that packs in an order of its own may do so.
    archive = packed(kind, tmp_path, FILES)
    assert told(kind, archive, confinement) == FILES
    if kind in ("tar", "lha"):
        assert told(kind, archive.read_bytes(), confinement) == FILES


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        *(("zip", [f"-{level}"]) for level in (0, 1, 9)),
        ("zip", ["-Z", "bzip2"]),
        ("zip", ["-fz"]),
        *(("7z", [f"-m0={method}"]) for method in ("Copy", "LZMA", "LZMA2", "BZip2", "PPMd", "Deflate")),
        ("7z", ["-mf=BCJ", "-mx1"]),
        ("7z", ["-ms=off"]),
        *(("tar", [f"--format={format}"]) for format in ("gnu", "pax", "ustar")),
    ],
    ids=str,
)
def test_methods_and_dialects(kind: str, options: list[str], tmp_path: Path) -> None:
    files = FILES if options != ["--format=ustar"] else {"disk.img": noise(MIB)}
    assert told(kind, packed(kind, tmp_path, files, *options)) == files


def test_a_zip_with_lzma(tmp_path: Path) -> None:
    archive = tmp_path / "archive.zip"
    run("7zz", "a", "-tzip", "-mm=LZMA", archive, *FILES, cwd=place(tmp_path, FILES))
    assert told("zip", archive) == FILES


def test_long_names_of_tar(tmp_path: Path) -> None:
    files = {"/".join(["directory" * 5] * 8) + "/disk.img": noise(1000)}
    for format in ("gnu", "pax"):
        assert told("tar", packed("tar", tmp_path, files, f"--format={format}")) == files


@pytest.mark.parametrize("format", ["gnu", "pax"])
def test_holes_of_a_sparse_member_are_zeros(format: str, tmp_path: Path) -> None:
    """They are not stored, so they come from one shared buffer, wherever they are."""
    content = tmp_path / "content"
    content.mkdir()
    disk = content / "disk"
    with disk.open("wb") as file:
        for offset in (5 * MIB, 20 * MIB):
            file.seek(offset)
            file.write(noise(70_000))
        file.truncate(33 * MIB + 1)
    archive = tmp_path / "archive.tar"
    run("tar", "-cSf", archive, f"--format={format}", "disk", cwd=content)
    assert archive.stat().st_size < MIB
    assert told("tar", archive.read_bytes()) == {"disk": disk.read_bytes()}


def test_what_is_no_regular_file_has_no_content(tmp_path: Path) -> None:
    """Nothing is made on disk, whatever the names say."""
    members = []
    for kind, name in (
        (tarfile.SYMTYPE, "/etc/link"),
        (tarfile.LNKTYPE, "../hard"),
        (tarfile.CHRTYPE, "dev/null"),
        (tarfile.FIFOTYPE, "pipe"),
        (tarfile.DIRTYPE, "../../dir"),
    ):
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, "/etc/passwd"
        members.append((info, b""))
    members.append((tarfile.TarInfo("../../../etc/passwd"), b"regular"))
    found = told("tar", tar_of(members))
    assert [name.rstrip("/") for name in found] == [info.name for info, _ in members]
    assert [content for content in found.values() if content is not None] == [b"regular"]


def test_links_in_a_zip_are_no_regular_files(tmp_path: Path) -> None:
    content = tmp_path / "content"
    content.mkdir()
    (content / "link").symlink_to("/etc/passwd")
    run("zip", "-q", "-y", tmp_path / "archive.zip", "link", cwd=content)
    assert told("zip", tmp_path / "archive.zip") == {"link": None}


@pytest.mark.parametrize(("kind", "options"), [("7z", ["-psecret"]), ("zip", ["-P", "secret"])])
def test_encrypted_members_are_marked_and_not_read(kind: str, options: list[str], tmp_path: Path) -> None:
    found = list(events(kind, packed(kind, tmp_path, {"disk": noise(1000)}, *options)))
    assert found == [Member("disk", True, encrypted=True)]


def test_an_encrypted_directory_of_a_7z_is_said_to_be_one(tmp_path: Path) -> None:
    archive = packed("7z", tmp_path, {"disk": noise(1000)}, "-psecret", "-mhe=on")
    with pytest.raises(UnreadableArchive, match=r"7z archive cannot be read: .*encrypted"):
        told("7z", archive)


@pytest.mark.parametrize(
    ("kind", "options", "at"),
    [("tar", [], 10), ("lha", [], 10), ("lha", [], -1000), ("zip", ["-0"], 1000), ("7z", ["-m0=Copy"], 1000)],
)
def test_damage_is_found(kind: str, options: list[str], at: int, tmp_path: Path) -> None:
    """In headers, and in the data where there is a checksum (a tar has none there)."""
    archive = packed(kind, tmp_path, {"disk": noise(300_000)}, *options)
    damaged = bytearray(archive.read_bytes())
    damaged[at] ^= 0xFF
    archive.write_bytes(damaged)
    with pytest.raises(UnreadableArchive, match=rf"^The {kind} archive cannot be read: .*\.$"):
        told(kind, archive)


@pytest.mark.parametrize("kind", ["tar", "lha"])
def test_a_stream_that_is_cut_short_is_an_error(kind: str, tmp_path: Path) -> None:
    whole = packed(kind, tmp_path, {"disk": noise(300_000)}).read_bytes()
    for length in (0, 1, 20, 600, 100_000, 299_000):
        with pytest.raises(UnreadableArchive):
            told(kind, whole[:length])


def test_members_behind_the_end_of_a_tar_are_members() -> None:
    """tar itself stops at the first end: who looks further must not find another image."""
    first, second = (tar_of([(tarfile.TarInfo(name), b"content")]) for name in ("first", "second"))
    assert told("tar", first + second) == {"first": b"content", "second": b"content"}
    with pytest.raises(UnreadableArchive):
        told("tar", first + b"something else" * 100)


def test_what_the_source_raises_counts_more_than_what_the_child_says_of_it() -> None:
    archive = tar_of([(tarfile.TarInfo("disk"), noise(3 * MIB))])

    def failing() -> Iterator[Buffer]:
        yield from cut(archive[: 2 * MIB], 10_000)
        raise Unavailable("the line is dead")

    with pytest.raises(Unavailable, match="the line is dead"):
        list(read("tar", failing()))


def test_what_the_source_raises_at_its_very_end_counts() -> None:
    """A checksum of the layer around the archive stands there."""
    archive = tar_of([(tarfile.TarInfo("disk"), noise(MIB))])

    def failing() -> Iterator[Buffer]:
        yield archive
        raise Unavailable("the checksum is wrong")

    with pytest.raises(Unavailable, match="the checksum is wrong"):
        list(read("tar", failing()))


def test_closing_early_ends_child_and_thread_and_closes_the_source() -> None:
    closed = threading.Event()
    archive = tar_of([(tarfile.TarInfo("disk"), noise(MIB))])

    def endless() -> Iterator[Buffer]:
        try:
            yield archive[:-20000]
            while True:
                yield noise(MIB)
        finally:
            closed.set()

    reading = read("tar", endless())
    assert next(reading) == Member("disk", True)
    next(reading)
    started = time.monotonic()
    reading.close()  # type: ignore[attr-defined]
    assert time.monotonic() - started < SOON
    assert closed.wait(DEADLINE)


def test_a_silent_source_is_waited_for_and_a_stop_ends_that() -> None:
    """The child has no fault in it: only the stop ends this, not the limit on silence."""
    release, stopped = threading.Event(), threading.Event()

    def silent() -> Iterator[Buffer]:
        yield tar_of([(tarfile.TarInfo("disk"), noise(MIB))])[:4096]
        release.wait(DEADLINE)

    class Stopped:
        def __init__(self) -> None:
            self.checks = 0

        def check(self) -> None:
            self.checks += 1
            if self.checks > 8:
                stopped.set()
                raise Cancelled("stopped")

    try:
        with pytest.raises(Cancelled):
            list(read("tar", silent(), stop=Stopped(), stall=0.2))
        assert stopped.is_set()
    finally:
        release.set()


def script(directory: Path, text: str) -> Path:
    path = directory / "script.py"
    path.write_text(f"import os, struct, sys, time\nframe = struct.Struct('<cQ').pack\n{text}\n")
    return path


def misbehaving(directory: Path, text: str, **options: float) -> list[Member | Buffer]:
    """What the reader makes of a child that runs ``text``."""
    return list(read("tar", iter([b"archive"]), script=script(directory, text), **options))  # type: ignore[arg-type]


MEMBER = r"os.write(1, frame(b'M', 6) + b'\1\0disk')"


@pytest.mark.parametrize(
    "text",
    [
        "os.write(1, frame(b'D', 1) + b'x')",  # content of nothing
        "os.write(1, frame(b'H', 1))",
        "os.write(1, frame(b'Q', 0))",
        "os.write(1, frame(b'Z', 1))",
        "os.write(1, frame(b'M', 1) + b'x')",
        "os.write(1, frame(b'M', 1 << 40))",
        "os.write(1, frame(b'X', 1 << 40))",
        f"{MEMBER}; os.write(1, frame(b'D', 1 << 40))",
        f"{MEMBER}; os.write(1, frame(b'M', 6) + b'\\0\\0dirs' + frame(b'D', 1) + b'x')",
        f"{MEMBER}; os.write(1, b'D123')",  # ends in the middle of a frame
        "sys.exit(0)",
        "sys.exit(3)",
        "os.abort()",
        "os.kill(os.getpid(), 11)",
    ],
)
def test_a_child_that_breaks_the_rules_is_an_unreadable_archive(text: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableArchive, match=r"^The "):
        misbehaving(tmp_path, text)


def test_a_child_that_says_nothing_more_but_lives_on_is_an_unreadable_archive(tmp_path: Path) -> None:
    """Only without bubblewrap, which keeps the pipe open: there it is the limit on silence that ends this."""
    silent = script(tmp_path, "os.close(1); time.sleep(60)")
    with pytest.raises(UnreadableArchive, match="its reader has closed its output"):
        list(read("tar", iter([b"x"]), script=silent, confinement=confine.probe(bubblewrap=False)))


def test_the_words_of_a_child_are_shown_harmlessly(tmp_path: Path) -> None:
    with pytest.raises(UnreadableArchive) as caught:
        misbehaving(tmp_path, r"os.write(1, frame(b'X', 8) + b'bad\x1b[2J\n')")
    assert caught.value.message == "The tar archive cannot be read: bad?[2J?."


def test_a_child_that_spins_is_stopped_by_the_limit_on_silence(tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(UnreadableArchive, match="nothing came out of it for 1 s"):
        misbehaving(tmp_path, "while True: pass", stall=1.0)
    assert time.monotonic() - started < DEADLINE


@BOTH
def test_a_child_that_spins_is_stopped_by_its_limit_on_processor_time(
    tmp_path: Path, confinement: confine.Confinement
) -> None:
    """The soft limit is set by itself here, or this would take a minute."""
    text = """
import resource
soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
assert soft == 60 and hard > 86400
resource.setrlimit(resource.RLIMIT_CPU, (1, hard))
while True: pass
"""
    with pytest.raises(UnreadableArchive, match="that takes too much processor time"):
        list(read("tar", iter([b"x"]), script=script(tmp_path, text), confinement=confinement))


@BOTH
def test_a_child_that_wants_too_much_memory_is_an_unreadable_archive(
    tmp_path: Path, confinement: confine.Confinement
) -> None:
    with pytest.raises(UnreadableArchive, match=r"ended with status 1: .*MemoryError"):
        list(
            read(
                "tar",
                iter([b"x"]),
                script=script(tmp_path, "bytes(2 << 30)"),
                confinement=confinement,
            )
        )


def test_a_dictionary_larger_than_the_memory_is_an_unreadable_archive(tmp_path: Path) -> None:
    """Only the header of the 7z says 4 GiB; the tool would never write that."""
    archive = packed("7z", tmp_path, {"disk": noise(5000)}, "-m0=LZMA", "-mhc=off")
    data = bytearray(archive.read_bytes())
    header_at = 32 + struct.unpack_from("<Q", data, 12)[0]
    properties = data.index(b"\x03\x01\x01\x05", header_at) + 4  # the id of LZMA, and five bytes that follow
    data[properties + 1 : properties + 5] = b"\xff\xff\xff\xff"
    data[28:32] = struct.pack("<L", zlib.crc32(data[header_at:]))
    data[8:12] = struct.pack("<L", zlib.crc32(data[12:32]))
    archive.write_bytes(data)
    with pytest.raises(UnreadableArchive, match=r"(?i)memory"):
        told("7z", archive)


def test_a_host_that_has_no_descriptor_left_is_told() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    for spare in range(8):
        closed = threading.Event()

        class Source:
            def __iter__(self) -> Iterator[Buffer]:
                return self

            def __next__(self) -> Buffer:
                raise StopIteration

            def close(self, closed: threading.Event = closed) -> None:
                closed.set()

        reading = read("tar", Source(), confinement=confine.probe())
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + spare, hard))
        try:
            with pytest.raises((Unavailable, UnreadableArchive)):
                next(reading)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert closed.is_set()


def test_a_killed_child_is_worth_another_try() -> None:
    archive = tar_of([(tarfile.TarInfo("disk"), noise(20 * MIB))])
    release = threading.Event()

    def paused() -> Iterator[Buffer]:
        yield archive[: 5 * MIB]
        release.wait(DEADLINE)
        yield archive[5 * MIB :]

    before = set(psutil.Process().children(recursive=True))
    reading = read("tar", paused())
    next(reading)
    ours = set(psutil.Process().children(recursive=True)) - before
    for child in ours:
        if child.name().startswith("python"):
            child.send_signal(signal.SIGKILL)
    release.set()
    with pytest.raises(ReaderKilled, match="was killed") as caught:
        list(reading)
    assert caught.value.retryable


def test_the_child_sees_nothing_but_the_system_and_itself(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    text = f"""
def words():
    for place in ({str(tmp_path)!r}, '/etc', '/proc', '/home', {str(Path.cwd())!r}):
        yield place + '=' + str(os.path.exists(place))
    yield str(sorted(set(os.environ) - {{'LC_ALL', 'LC_CTYPE', 'PATH', 'PWD', 'MALLOC_ARENA_MAX'}}))
text = ' '.join(words()).encode()
os.write(1, frame(b'X', len(text)) + text)
"""
    with pytest.raises(GlimpseError) as caught:
        list(read("tar", iter([b"x"]), script=script(tmp_path, text), confinement=confine.probe()))
    assert "=True" not in caught.value.message
    assert caught.value.message.endswith("[].")
    assert "/etc=False" in caught.value.message
