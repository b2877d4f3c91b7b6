"""The staging area and the files in it."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from glimpse.errors import ClaimLost, Invalid, NoSpace
from glimpse.staging.area import Area
from glimpse.staging.writer import Staged
from glimpse.stores.file import FileStore
from glimpse.testing.smalldisk import small_disk

IMAGE = "6f9b2c5e-0a41-4d0e-9c1b-3d1f6f0c7a11"
OTHER = "6f9b2c5e-0a41-4d0e-9c1b-3d1f6f0c7a12"
MIB = 1 << 20


@dataclass(frozen=True)
class Row:
    """As the catalog keeps it."""

    path: str
    device: int
    inode: int
    length: int
    modified_ns: int


@pytest.fixture
def area(tmp_path: Path) -> Area:
    return Area(tmp_path / "staging")


def names(area: Area) -> list[str]:
    return sorted(path.name for path in area.directory.iterdir())


def stage(area: Area, data: bytes, image: str = IMAGE, claim: int = 1) -> Staged:
    writer = area.create(image, claim)
    writer.write(data)
    return writer.commit()


def row(staged: Staged) -> Row:
    return Row(str(staged.path), staged.device, staged.inode, staged.length, staged.modified_ns)


def test_the_directory_is_made_when_it_is_missing(area: Area) -> None:
    stage(area, b"data")
    assert area.directory.is_dir()


def test_a_staged_file_is_where_it_says(area: Area) -> None:
    staged = stage(area, b"data")
    assert staged.path == area.path(IMAGE) == area.directory / IMAGE
    assert staged.path.read_bytes() == b"data"
    assert staged.length == 4
    assert names(area) == [IMAGE]


def test_until_commit_the_name_carries_the_claim(area: Area) -> None:
    writer = area.create(IMAGE, 7)
    writer.write(b"data")
    assert names(area) == [f"{IMAGE}.7.part"]
    writer.abort()
    writer.abort()
    assert names(area) == []


def test_abort_after_commit_removes_the_file(area: Area) -> None:
    writer = area.create(IMAGE, 1)
    writer.commit()
    writer.abort()
    assert names(area) == []


def test_a_late_commit_never_replaces_its_successor(area: Area) -> None:
    late = area.create(IMAGE, 1)
    late.write(b"late")
    mine = stage(area, b"mine", claim=2)
    assert late.commit().path == area.directory / f"{IMAGE}.1"
    assert mine.path.read_bytes() == b"mine"
    late.abort()
    assert names(area) == [IMAGE]


def test_a_file_that_was_removed_meanwhile_is_not_published(area: Area) -> None:
    writer = area.create(IMAGE, 1)
    area.remove(IMAGE)
    with pytest.raises(ClaimLost):
        writer.commit()
    writer.abort()


def test_zeros_are_staged_as_holes(area: Area) -> None:
    writer = area.create(IMAGE, 1)
    writer.write(bytes(8 * MIB))
    writer.write(os.urandom(MIB))
    writer.write(bytes(8 * MIB + 1))
    staged = writer.commit()
    status = staged.path.stat()
    assert staged.length == status.st_size == 17 * MIB + 1
    assert MIB <= status.st_blocks * 512 < 2 * MIB


def test_the_file_is_known_again(area: Area) -> None:
    assert area.matches(row(stage(area, b"data")))


@pytest.mark.parametrize("change", ["append", "overwrite", "replace", "remove"])
def test_a_changed_file_is_not_the_one_that_was_staged(area: Area, change: str) -> None:
    staged = stage(area, b"data")
    if change == "append":
        with staged.path.open("ab") as file:
            file.write(b"x")
    elif change == "overwrite":
        with staged.path.open("r+b") as file:
            file.write(b"x")
        os.utime(staged.path, ns=(staged.modified_ns + 1, staged.modified_ns + 1))
    elif change == "replace":
        copy = staged.path.with_name("copy")
        copy.write_bytes(b"data")
        os.utime(copy, ns=(staged.modified_ns, staged.modified_ns))
        copy.rename(staged.path)
    else:
        staged.path.unlink()
    assert not area.matches(row(staged))


def test_another_device_is_another_file(area: Area) -> None:
    staged = row(stage(area, b"data"))
    assert not area.matches(replace(staged, device=staged.device + 1))


def test_a_spool_belongs_to_its_image_and_claim(area: Area) -> None:
    spool = area.spool_path(IMAGE, 3)
    assert spool.name == f"{IMAGE}.3.spool"
    assert area.spool_path(IMAGE, 3, "plugin") != spool
    spool.touch()
    assert area.files(IMAGE) == [spool]


def test_all_files_of_an_image_are_removed_and_no_others(area: Area) -> None:
    stage(area, b"data")
    stage(area, b"data", claim=2)
    area.create(IMAGE, 3).write(b"part")
    area.spool_path(IMAGE, 4).with_suffix(".spool.part").touch()
    stage(area, b"other", image=OTHER)
    area.remove(IMAGE)
    area.remove(IMAGE)
    assert names(area) == [OTHER]


def test_a_caller_that_was_overtaken_removes_only_its_own(area: Area) -> None:
    area.create(IMAGE, 1).write(b"dead")
    staged = stage(area, b"successor", claim=3)
    area.create(IMAGE, 4).write(b"part")
    area.remove(IMAGE, claim=2)
    assert names(area) == [IMAGE, f"{IMAGE}.4.part"]
    assert area.matches(row(staged))


def test_nothing_to_remove_is_no_error(area: Area) -> None:
    area.remove(IMAGE)


@pytest.mark.parametrize("image", ["", "..", "a/b", "a.b"])
def test_an_identifier_that_is_no_name_is_refused(area: Area, image: str) -> None:
    for use in (area.path, area.remove, area.files, lambda name: area.create(name, 1)):
        with pytest.raises(Invalid):
            use(image)


def test_a_size_that_cannot_fit_is_refused_at_once(area: Area) -> None:
    with pytest.raises(NoSpace, match=r"staging area is full: 1\d{18} bytes are needed, \d+ are free"):
        area.create(IMAGE, 1, 10**18)
    assert names(area) == []


def test_a_full_disk_is_a_clear_error_and_leaves_nothing() -> None:
    with small_disk(4 * MIB) as disk:
        area = Area(disk / "staging")
        writer = area.create(IMAGE, 1)
        writer.write(os.urandom(2 * MIB))
        with pytest.raises(NoSpace, match=f"cannot be staged beyond {2 * MIB} bytes: No space left"):
            writer.write(os.urandom(4 * MIB))
        writer.abort()
        assert names(area) == []
        stage(area, os.urandom(3 * MIB))


def test_usage_counts_blocks_and_not_lengths(area: Area) -> None:
    stage(area, bytes(64 * MIB) + os.urandom(MIB))
    usage = area.usage()
    assert usage.files == 1
    assert MIB <= usage.taken < 2 * MIB
    assert usage.free > 0


def test_a_store_on_the_same_disk_adopts_what_was_staged(area: Area, tmp_path: Path) -> None:
    store = FileStore("main", {"filesystem_store_datadir": tmp_path / "images"})
    store.check()
    staged = stage(area, os.urandom(2 * MIB))
    writer = store.adopt(staged.path, IMAGE, 2)
    assert writer is not None
    url = writer.commit()
    area.remove(IMAGE, claim=2)
    reader = store.reader(url)
    assert reader.path.stat().st_ino == staged.inode
    assert reader.size == 2 * MIB
    reader.close()
