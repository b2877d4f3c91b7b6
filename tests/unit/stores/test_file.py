"""The file store against the suite that every store passes, and what is special to files."""

import os
import stat
import time
from collections.abc import Collection
from pathlib import Path

import pytest

from glimpse.errors import ClaimLost, Conflict, Forbidden, Invalid, NoSpace, NotFound, Unavailable
from glimpse.stores.base import Store
from glimpse.stores.file import FileStore
from glimpse.testing.smalldisk import small_disk
from glimpse.testing.store_suite import IMAGE, MIB, OTHER, StoreSuite, content, feed, put
from glimpse.transfer.extent import Extent
from glimpse.transfer.protocols import LocalFile


class TestFileStore(StoreSuite):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return make(tmp_path / "images")

    def leftovers(self, store: Store) -> Collection[str]:
        assert isinstance(store, FileStore)
        return [name for place in store.places for name in names(Path(place))]


class TestFileStoreWithoutSync(TestFileStore):
    """The same without waiting for the disk, and in two directories."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        places = [f"{tmp_path}/one:10", f"{tmp_path}/two:20"]
        return FileStore("main", {"filesystem_store_datadirs": places, "filesystem_store_sync": False})


def make(directory: Path, **options: object) -> FileStore:
    store = FileStore("main", {"filesystem_store_datadir": directory, **options})
    store.check()
    return store


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return make(tmp_path / "images")


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def local(url: str) -> Path:
    return Path(url.removeprefix("file://"))


def test_the_url_names_the_file_as_glance_does(store: FileStore, tmp_path: Path) -> None:
    assert put(store, b"data") == f"file://{tmp_path}/images/{IMAGE}"
    assert (tmp_path / "images" / IMAGE).read_bytes() == b"data"


def test_a_name_that_is_taken_gets_the_claim(store: FileStore, tmp_path: Path) -> None:
    put(store, b"first", claim=1)
    assert put(store, b"second", claim=7) == f"file://{tmp_path}/images/{IMAGE}.7"


@pytest.mark.parametrize("scheme", ["file", "filesystem"])
def test_both_schemes_of_glance_are_read(store: FileStore, scheme: str) -> None:
    url = put(store, b"data").replace("file:", f"{scheme}:")
    assert content(store, url) == b"data"


def test_a_path_is_taken_as_it_is(tmp_path: Path) -> None:
    store = make(tmp_path / "with space %41 #and? more")
    assert content(store, put(store, b"data")) == b"data"


def test_zeros_take_no_blocks(store: FileStore) -> None:
    writer = store.writer(IMAGE, 1, 64 * MIB + 5)
    writer.write(Extent(0, 16 * MIB, None))
    writer.write(Extent(16 * MIB, MIB, os.urandom(MIB)))
    writer.write(Extent(17 * MIB, 47 * MIB + 5, None))
    status = local(writer.commit()).stat()
    assert status.st_size == 64 * MIB + 5
    assert MIB <= status.st_blocks * 512 < 2 * MIB


def test_holes_are_read_as_zero_extents(store: FileStore) -> None:
    data = os.urandom(2 * MIB)
    writer = store.writer(IMAGE, 1, None)
    writer.write(Extent(0, 4 * MIB, None))
    writer.write(Extent(4 * MIB, 2 * MIB, data))
    writer.write(Extent(6 * MIB, 2 * MIB, None))
    reader = store.reader(writer.commit())
    extents = list(reader.extents())
    assert [(extent.offset, extent.length, extent.is_zero) for extent in extents] == [
        (0, 4 * MIB, True),
        (4 * MIB, MIB, False),
        (5 * MIB, MIB, False),
        (6 * MIB, 2 * MIB, True),
    ]
    assert b"".join(bytes(extent.data) for extent in extents if extent.data is not None) == data
    reader.close()


def test_an_empty_object_has_no_extents(store: FileStore) -> None:
    reader = store.reader(put(store, b""))
    assert list(reader.extents()) == []
    reader.close()


def test_a_reader_is_a_local_file(store: FileStore) -> None:
    url = put(store, b"data")
    reader = store.reader(url)
    assert isinstance(reader, LocalFile)
    assert reader.path == local(url)
    reader.close()


def test_bytes_are_written_once(store: FileStore) -> None:
    data = os.urandom(MIB)
    before = written()
    writer = store.writer(IMAGE, 1, 32 * MIB)
    for number in range(32):
        writer.write(Extent(number * MIB, MIB, data))
    writer.commit()
    assert 32 * MIB <= written() - before < 33 * MIB


def test_adoption_keeps_the_inode_and_writes_nothing(store: FileStore, tmp_path: Path) -> None:
    staged = tmp_path / "staged"
    staged.write_bytes(os.urandom(8 * MIB))
    inode, before = staged.stat().st_ino, written()
    writer = store.adopt(staged, IMAGE, 3)
    assert writer is not None
    url = writer.commit()
    assert local(url).stat().st_ino == inode
    assert written() - before < MIB
    staged.unlink()
    assert local(url).stat().st_nlink == 1


def test_an_inode_goes_to_one_store_only(tmp_path: Path) -> None:
    first, second = make(tmp_path / "first"), make(tmp_path / "second")
    staged = tmp_path / "staged"
    staged.write_bytes(b"data")
    writer = first.adopt(staged, IMAGE, 1)
    rival = second.adopt(staged, IMAGE, 1)
    assert writer is not None
    assert rival is not None
    writer.commit()
    with pytest.raises(Conflict, match="one store only"):
        rival.commit()
    rival.abort()
    assert second.adopt(staged, IMAGE, 1) is None
    assert names(tmp_path / "second") == []


@pytest.mark.parametrize("what", ["missing", "directory", "link", "fifo"])
def test_only_plain_files_are_adopted(store: FileStore, tmp_path: Path, what: str) -> None:
    path = tmp_path / what
    if what == "directory":
        path.mkdir()
    elif what == "link":
        (tmp_path / "real").write_bytes(b"data")
        path.symlink_to(tmp_path / "real")
    elif what == "fifo":
        os.mkfifo(path)
    assert store.adopt(path, IMAGE, 1) is None


def test_a_file_on_another_file_system_is_not_adopted(store: FileStore) -> None:
    with small_disk(MIB) as disk:
        (disk / "staged").write_bytes(b"data")
        assert store.adopt(disk / "staged", IMAGE, 1) is None


def test_an_adopted_file_gets_the_permissions_of_the_store(tmp_path: Path) -> None:
    store = make(tmp_path / "images", filesystem_store_file_perm="644")
    staged = tmp_path / "staged"
    staged.touch(0o600)
    writer = store.adopt(staged, IMAGE, 1)
    assert writer is not None
    assert stat.S_IMODE(local(writer.commit()).stat().st_mode) == 0o644


@pytest.mark.parametrize(("option", "mode"), [(0, 0o640), ("0", 0o640), (600, 0o600), ("444", 0o444)])
def test_files_get_the_permissions_that_are_configured(tmp_path: Path, option: object, mode: int) -> None:
    store = make(tmp_path / "images", filesystem_store_file_perm=option)
    assert stat.S_IMODE(local(put(store, b"data")).stat().st_mode) == mode


@pytest.mark.parametrize("option", ["689", "9", "rw", "70000", "-1", "044"])
def test_permissions_that_cannot_be_are_refused(tmp_path: Path, option: str) -> None:
    with pytest.raises(Invalid, match="filesystem_store_file_perm"):
        make(tmp_path, filesystem_store_file_perm=option)


def test_a_size_that_cannot_fit_is_refused_at_once(store: FileStore) -> None:
    with pytest.raises(NoSpace, match=r"'main' is full: 1\d{18} bytes are needed, \d+ are free"):
        store.writer(IMAGE, 1, 10**18)


def test_a_sparse_object_needs_room_for_its_data_only(store: FileStore) -> None:
    # 1 TiB of zeros: more than fits, were they written.
    size = 1 << 40
    writer = store.writer(IMAGE, 1, size, data=MIB)
    writer.write(Extent(0, size, None))
    assert local(writer.commit()).stat().st_blocks == 0


def test_a_full_disk_is_a_clear_error_and_leaves_nothing() -> None:
    with small_disk(4 * MIB) as disk:
        store = make(disk / "images")
        kept = put(store, b"x" * MIB, image=OTHER)
        writer = store.writer(IMAGE, 1, None)
        with pytest.raises(
            NoSpace, match=r"Store 'main' cannot take the image \(\d+ bytes are written\): No space left"
        ):
            feed(writer, b"y" * 8 * MIB)
        writer.abort()
        assert names(disk / "images") == [OTHER]
        again = put(store, b"z" * MIB)
        assert content(store, again) == b"z" * MIB
        assert content(store, kept) == b"x" * MIB


def test_a_disk_that_fills_up_during_a_kernel_copy_is_a_clear_error(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"y" * 8 * MIB)
    with small_disk(4 * MIB) as disk, source.open("rb") as file:
        writer = make(disk / "images").writer(IMAGE, 1, None)
        with pytest.raises(NoSpace, match="No space left"):
            writer.copy_from(file.fileno(), 0, 8 * MIB)
        writer.abort()
        assert names(disk / "images") == []


def test_a_source_that_shrank_during_a_kernel_copy_is_an_error(store: FileStore, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"short")
    writer = store.writer(IMAGE, 1, 10)
    with source.open("rb") as file, pytest.raises(Unavailable, match="shorter than it was"):
        writer.copy_from(file.fileno(), 0, 10)
    writer.abort()


def test_the_fuller_directory_is_passed_over(tmp_path: Path) -> None:
    with small_disk(2 * MIB) as disk:
        options = {"filesystem_store_datadirs": [f"{disk}:200", f"{tmp_path}/large:100"]}
        store = FileStore("main", options)
        store.check()
        assert local(put(store, b"x" * MIB, claim=1)).parent == disk
        assert local(put(store, b"x" * 3 * MIB, claim=2)).parent == tmp_path / "large"


def test_a_directory_that_cannot_be_written_is_refused_at_start() -> None:
    with pytest.raises(Unavailable, match=r"Store 'main' cannot use its directory /proc/nothing"):
        make(Path("/proc/nothing/images"))


def test_a_path_outside_the_store_is_never_opened(store: FileStore, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    for url in (
        f"file://{tmp_path}/secret",
        f"file://{tmp_path}/images/../secret",
        f"file://{tmp_path}/images",
        f"file://{tmp_path}/images2/{IMAGE}",
        "file:///etc/passwd",
        "http://host/path",
        "",
    ):
        with pytest.raises(Forbidden):
            store.reader(url)
        with pytest.raises(Forbidden):
            store.delete(url)
    assert (tmp_path / "secret").exists()


@pytest.mark.parametrize("image", ["", "../x", "a/b", ".", "a.b", "a\0b", "a b"])
def test_an_identifier_that_is_no_name_is_refused(store: FileStore, image: str) -> None:
    with pytest.raises(Invalid, match="identifier"):
        store.writer(image, 1, None)
    with pytest.raises(Invalid, match="identifier"):
        store.sweep(image, ())


def test_an_object_that_is_gone_is_named(store: FileStore) -> None:
    url = put(store, b"data")
    local(url).unlink()
    with pytest.raises(NotFound, match=IMAGE):
        store.reader(url)


def test_files_of_others_in_the_directory_are_left_alone(store: FileStore, tmp_path: Path) -> None:
    stranger = tmp_path / "images" / "lost+found"
    stranger.mkdir()
    (tmp_path / "images" / f"{IMAGE}-copy").touch()
    put(store, b"data")
    store.sweep(IMAGE, ())
    assert names(tmp_path / "images") == sorted([f"{IMAGE}-copy", "lost+found"])


def test_a_part_that_was_swept_is_not_published(store: FileStore, tmp_path: Path) -> None:
    writer = feed(store.writer(IMAGE, 1, None), b"stale")
    store.sweep(IMAGE, ())
    with pytest.raises(ClaimLost, match="was removed while it was being written"):
        writer.commit()
    writer.abort()
    assert names(tmp_path / "images") == []


def test_a_part_that_was_begun_again_is_not_published_by_the_first(store: FileStore) -> None:
    stale = feed(store.writer(IMAGE, 1, None), b"stale")
    fresh = feed(store.writer(IMAGE, 1, None), b"fresh")
    with pytest.raises(ClaimLost, match="was replaced while it was being written"):
        stale.commit()
    stale.abort()
    assert content(store, fresh.commit()) == b"fresh"


def test_metadata_is_what_the_file_says(tmp_path: Path) -> None:
    file = tmp_path / "metadata.json"
    file.write_text('{"id": "share-1", "mountpoint": "/srv"}')
    store = make(tmp_path / "images", filesystem_store_metadata_file=str(file))
    assert store.metadata(put(store, b"")) == {"id": "share-1", "mountpoint": "/srv"}


def test_metadata_is_that_of_the_nearest_mountpoint(tmp_path: Path) -> None:
    file = tmp_path / "metadata.json"
    near, far = str(tmp_path / "images"), str(tmp_path)
    file.write_text(f'[{{"id": "far", "mountpoint": "{far}"}}, {{"id": "near", "mountpoint": "{near}"}}]')
    store = make(tmp_path / "images", filesystem_store_metadata_file=str(file))
    assert store.metadata(put(store, b""))["id"] == "near"


@pytest.mark.parametrize("text", ["", "{", '"text"', '[{"id": "no mountpoint"}]'])
def test_a_metadata_file_that_cannot_be_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "metadata.json"
    file.write_text(text)
    with pytest.raises(Invalid, match="filesystem_store_metadata_file"):
        make(tmp_path / "images", filesystem_store_metadata_file=str(file))


@pytest.mark.parametrize("places", [["/a:1", "/a:2"], ["/a:x"], [":7"]], ids=str)
def test_directories_that_cannot_be_are_refused(places: list[str]) -> None:
    with pytest.raises(Invalid, match="filesystem_store_datadirs"):
        FileStore("main", {"filesystem_store_datadirs": places})


def test_a_directory_must_be_named() -> None:
    with pytest.raises(Invalid, match="filesystem_store_datadir is not set"):
        FileStore("main", {})


def written() -> int:
    """Bytes that this process has handed to the kernel for files so far (those a kernel copy moves included)."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["wchar"])


def test_a_file_that_lost_its_end_is_an_error_and_not_a_short_read(store: FileStore) -> None:
    url = put(store, b"x" * MIB)
    reader = store.reader(url)
    os.truncate(local(url), 1000)
    assert reader.read(0, 1000) == b"x" * 1000
    with pytest.raises(Unavailable, match="has lost what was beyond 1000 bytes"):
        reader.read(0, MIB)
    reader.close()


def test_a_late_abort_spares_a_successor_that_got_the_same_name_and_inode_number(store: FileStore) -> None:
    late = feed(store.writer(IMAGE, 1, None), b"mine")
    url = late.commit()
    inode = local(url).stat().st_ino
    # Longer than a tick of the clock that file systems use; a successor comes only after a lease has run out.
    time.sleep(0.02)
    for _ in range(64):
        store.sweep(IMAGE, ())
        assert feed(store.writer(IMAGE, 2, None), b"next").commit() == url
        if local(url).stat().st_ino == inode:
            break
    late.abort()
    assert content(store, url) == b"next"
