"""A zip file that could be understood in two ways is refused; the real tools' are not."""

import contextlib
import os
import struct
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glimpse.errors import Invalid
from glimpse.transfer.archive.reader import UnreadableArchive
from glimpse.transfer.archive.zip import check_zip
from tests.unit.transfer.archive.pack import noise, packed, run

FILES = {"disk.img": noise(300_000), "README": b"text", "empty": b""}
DATA = b"x" * 1000


def check(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        check_zip(descriptor)
    finally:
        os.close(descriptor)


def refused(path: Path, content: bytes, why: str) -> None:
    path.write_bytes(content)
    with pytest.raises(UnreadableArchive, match=f"^The zip archive cannot be read: .*{why}.*\\.$"):
        check(path)


@pytest.mark.parametrize(
    "options", [["-0"], ["-9"], ["-Z", "bzip2"], ["-fz"], ["-fd"], ["-X"], ["-r"]], ids=str
)
def test_what_zip_makes_passes(options: list[str], tmp_path: Path) -> None:
    """-fz: zip64, -fd: records behind the data."""
    check(packed("zip", tmp_path, FILES, *options))


def test_what_zip_makes_of_a_stream_passes(tmp_path: Path) -> None:
    archive = tmp_path / "archive.zip"
    archive.write_bytes(run("zip", "-q", "-", "-", stdin=noise(100_000)))
    check(archive)
    run("zip", "-q", "-z", archive, stdin=b"a comment\n.\n")
    check(archive)


def test_what_other_tools_make_passes(tmp_path: Path) -> None:
    root = packed("zip", tmp_path, FILES).with_name("content")
    run("7zz", "a", "-tzip", tmp_path / "seven.zip", *FILES, cwd=root)
    run("python3", "-m", "zipfile", "-c", tmp_path / "python.zip", *FILES, cwd=root)
    check(tmp_path / "seven.zip")
    check(tmp_path / "python.zip")


def test_an_encrypted_one_is_told(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"^The zip archive is encrypted: 'disk\.img' cannot be read\.$"):
        check(packed("zip", tmp_path, FILES, "-P", "secret"))


def test_an_aes_encrypted_one_is_told(tmp_path: Path) -> None:
    root = packed("zip", tmp_path, FILES).with_name("content")
    run("7zz", "a", "-tzip", "-psecret", "-mem=AES256", tmp_path / "aes.zip", *FILES, cwd=root)
    with pytest.raises(Invalid, match=r"is encrypted"):
        check(tmp_path / "aes.zip")


@dataclass(frozen=True)
class Part:
    """A member as its two headers tell of it, which may differ."""

    name: bytes = b"disk"
    data: bytes = DATA
    method: int = 0
    flags: int = 0
    size: int | None = None
    crc: int | None = None
    told_size: int | None = None  # in the directory
    told_packed: int | None = None
    told_name: bytes | None = None
    told_crc: int | None = None
    told_offset: int | None = None
    told_method: int | None = None
    told_disk: int = 0
    extra: bytes = b""
    behind: bytes = b""

    def local(self) -> bytes:
        size = len(self.data) if self.size is None else self.size
        crc = zlib.crc32(self.data) if self.crc is None else self.crc
        fields = (20, self.flags, self.method, 0, 0, crc, len(self.data), size)
        header = struct.pack("<4s5H3L2H", b"PK\3\4", *fields, len(self.name), len(self.extra))
        return header + self.name + self.extra + self.data + self.behind

    def central(self, offset: int) -> bytes:
        size = len(self.data) if self.told_size is None else self.told_size
        packed = len(self.data) if self.told_packed is None else self.told_packed
        crc = zlib.crc32(self.data) if self.told_crc is None else self.told_crc
        name = self.name if self.told_name is None else self.told_name
        method = self.method if self.told_method is None else self.told_method
        at = offset if self.told_offset is None else self.told_offset
        lengths = (packed, size, len(name), len(self.extra), 0)
        fields = (20, 20, self.flags, method, 0, 0, crc, *lengths, self.told_disk, 0, 0, at)
        return struct.pack("<4s6H3L5H2L", b"PK\1\2", *fields) + name + self.extra


def built(
    *parts: Part,
    before: bytes = b"",
    between: bytes = b"",
    comment: bytes = b"",
    count: int | None = None,
    start: int | None = None,
    comment_length: int | None = None,
    disk: int = 0,
) -> bytes:
    """A zip file of ``parts``, wrong in the ways that are asked for."""
    body, directory = before, b""
    for part in parts:
        directory += part.central(len(body))
        body += part.local()
    body += between
    told = len(parts) if count is None else count
    at = len(body) if start is None else start
    length = len(comment) if comment_length is None else comment_length
    end = struct.pack("<4s4H2LH", b"PK\5\6", disk, disk, told, told, len(directory), at, length)
    return body + directory + end + comment


PART = Part()
OTHER = Part(name=b"other")


@pytest.mark.parametrize(
    "content", [built(PART), built(PART, OTHER), built(PART, comment=b"words"), built()], ids=range(4)
)
def test_the_builder_here_makes_what_passes(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "zip").write_bytes(content)
    check(tmp_path / "zip")


HOSTILE: dict[str, tuple[bytes, str]] = {
    "name": (built(replace(PART, told_name=b"sunk")), "disagree"),
    "size": (built(replace(PART, told_size=10)), "disagree"),
    "checksum": (built(replace(PART, told_crc=10)), "disagree"),
    "method": (built(replace(PART, told_method=8)), "disagree"),
    "hidden before": (built(PART, before=b"hidden"), "something between its members at byte 0"),
    "hidden member before": (built(PART, before=OTHER.local()), "something between its members at byte 0"),
    "hidden between": (built(replace(PART, behind=b"hidden"), OTHER), "something between its members"),
    "hidden behind": (built(PART, between=b"hidden"), "something between its members and its directory"),
    "hidden member behind": (built(PART, between=OTHER.local()), "something between"),
    "something at the end": (built(PART) + b"hidden", "it is cut short, or something follows it"),
    "two members share data": (
        built(PART, replace(OTHER, told_offset=0, told_name=b"disk")),
        "members overlap",
    ),
    "a member within another": (
        built(replace(PART, data=OTHER.local()), replace(OTHER, told_offset=34)),
        "members overlap",
    ),
    "directory within a member": (
        built(Part(), start=34),
        "directory is not where it says",
    ),
    "directory elsewhere": (built(PART, start=0), "directory is not where it says"),
    "more members than told": (built(PART, OTHER, count=1), "2 members and says 1"),
    "fewer members than told": (built(PART, count=2), "1 members and says 2"),
    "second end in the comment": (built(PART, comment=built(OTHER)), "directory is not where it says"),
    "no member where told": (built(replace(PART, told_offset=5)), "something between|no member"),
    "in several files": (built(PART, disk=1), "split into several files"),
    "member in another file": (built(replace(PART, told_disk=1)), "split into several files"),
    "comment longer than told": (built(PART, comment=b"words", comment_length=3), "something follows"),
    "descriptor is missing": (built(replace(PART, flags=8)), "what stands behind 'disk' disagree"),
    "descriptor disagrees": (
        built(replace(PART, flags=8, behind=struct.pack("<4sLLL", b"PK\7\x08", 1, 1000, 1000))),
        "what stands behind 'disk' disagree",
    ),
    "size is missing": (built(replace(PART, size=0xFFFFFFFF)), "size is missing"),
    "two sizes": (
        built(replace(PART, size=0xFFFFFFFF, extra=struct.pack("<HHQ", 1, 8, 1000) * 2)),
        "two sizes",
    ),
    "far beyond the file": (
        built(
            replace(
                PART, flags=8, crc=0, told_packed=0xFFFFFFFF, extra=struct.pack("<HHQ", 1, 8, (1 << 64) - 1)
            )
        ),
        "what stands behind 'disk' disagree",
    ),
    "empty": (b"", "its end is missing"),
    "end only in part": (built(PART)[:-3], "cut short"),
}


@pytest.mark.parametrize(("content", "why"), HOSTILE.values(), ids=HOSTILE)
def test_what_could_be_understood_in_two_ways_is_refused(content: bytes, why: str, tmp_path: Path) -> None:
    refused(tmp_path / "zip", content, why)


@pytest.mark.parametrize("form", ["<LLL", "<LQQ"])
@pytest.mark.parametrize("mark", [b"PK\7\x08", b""])
def test_every_form_of_descriptor_is_understood(form: str, mark: bytes, tmp_path: Path) -> None:
    behind = mark + struct.pack(form, zlib.crc32(DATA), 1000, 1000)
    (tmp_path / "zip").write_bytes(built(replace(PART, flags=8, behind=behind), OTHER))
    check(tmp_path / "zip")


def test_zip64_says_where_the_directory_is(tmp_path: Path) -> None:
    """Its records must agree and follow each other."""
    whole = packed("zip", tmp_path, FILES, "-fz-").read_bytes()
    end = whole.rindex(b"PK\5\6")
    count, length, start = struct.unpack_from("<HLL", whole, end + 10)
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, length, start)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, end, 1)
    tail = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    path = tmp_path / "zip64"
    path.write_bytes(whole[:end] + record + locator + tail)
    check(path)
    run("python3", "-m", "zipfile", "-t", path)
    refused(path, whole[:end] + record + b"hidden" + locator + tail, "the end of its directory is damaged")
    refused(path, whole[:end] + b"hidden" + record + locator + tail, "the end of its directory is damaged")
    for elsewhere in (1 << 60, (1 << 64) - 1):
        moved = struct.pack("<4sLQL", b"PK\6\7", 0, elsewhere, 1)
        refused(path, whole[:end] + record + moved + tail, "is not there")


def test_too_many_members_are_refused(tmp_path: Path) -> None:
    parts = [Part(name=b"%d" % number, data=b"") for number in range(1001)]
    (tmp_path / "zip").write_bytes(built(*parts))
    with pytest.raises(Invalid, match="holds 1001 members; at most 1000"):
        check(tmp_path / "zip")


@pytest.mark.parametrize(
    "cut", [lambda data: data[:-1], lambda data: data[: len(data) // 2], lambda data: data[9:]]
)
def test_one_that_is_cut_short_is_refused(cut: Callable[[bytes], bytes], tmp_path: Path) -> None:
    refused(tmp_path / "zip", cut(packed("zip", tmp_path, FILES).read_bytes()), "")


WHOLE = built(
    replace(PART, flags=8, behind=struct.pack("<LLL", zlib.crc32(DATA), 1000, 1000)), OTHER, comment=b"words"
)
# Everything but the data is worth changing.
PLACES = [at for at in range(len(WHOLE)) if WHOLE[at : at + 1] != b"x"]


@settings(max_examples=400, deadline=None)
@given(changes=st.lists(st.tuples(st.sampled_from(PLACES), st.integers(0, 255)), min_size=1, max_size=6))
def test_damage_anywhere_is_refused_or_harmless(changes: list[tuple[int, int]]) -> None:
    """In what way a zip is wrong is told; nothing else is ever raised."""
    data = bytearray(WHOLE)
    for at, value in changes:
        data[at] = value
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        with contextlib.suppress(Invalid):
            check_zip(file.fileno())
