"""What every store must do, as tests: subclass :class:`StoreSuite`, say how to make the store, and run it
with pytest.

The smallest use (``tests/unit/stores/test_memory.py``)::

    class TestMemoryStore(StoreSuite):
        @pytest.fixture
        def store(self) -> Store:
            return MemoryStore("memory")

        def leftovers(self, store: Store) -> Collection[str]:
            return store.names()
"""

import os
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

from glimpse.errors import Forbidden, GlimpseError, Invalid, NotFound
from glimpse.stores.base import Adopts, Store
from glimpse.transfer.extent import Extent
from glimpse.transfer.protocols import KernelCopy, Writer

IMAGE = "6f9b2c5e-0a41-4d0e-9c1b-3d1f6f0c7a11"
OTHER = "6f9b2c5e-0a41-4d0e-9c1b-3d1f6f0c7a12"
MIB = 1 << 20


class StoreSuite:
    """The contract of :class:`glimpse.stores.base.Store`; each test begins with an empty store and must
    leave it so.
    """

    @pytest.fixture
    def store(self) -> Store:
        """An empty store of the driver that is tested."""
        raise NotImplementedError

    def leftovers(self, store: Store) -> Collection[str]:
        """Names of everything that the store holds, committed or not, asked behind the driver's back."""
        raise NotImplementedError

    @pytest.fixture
    def place(self, tmp_path: Path) -> Path:
        """A directory for files to adopt; where the store adopts, on its file system."""
        return tmp_path

    @pytest.fixture(autouse=True)
    def _leaves_nothing(self, store: Store) -> Iterator[None]:
        store.check()
        assert not self.leftovers(store), "the suite needs an empty store"
        yield
        for image in (IMAGE, OTHER):
            store.sweep(image, ())
        assert not self.leftovers(store)

    def test_says_what_it_is(self, store: Store) -> None:
        assert store.id
        assert store.type
        assert isinstance(store.description, str)
        assert isinstance(store.weight, int)
        assert not store.read_only

    def test_what_was_written_is_read(self, store: Store) -> None:
        data = os.urandom(3 * MIB + 17)
        assert content(store, put(store, data)) == data

    def test_nothing_is_visible_before_commit(self, store: Store) -> None:
        url = put(store, b"for its name")
        store.delete(url)
        writer = store.writer(IMAGE, 1, None)
        feed(writer, b"x" * MIB)
        with pytest.raises(NotFound):
            store.reader(url)
        assert writer.commit() == url
        assert content(store, url) == b"x" * MIB

    def test_abort_leaves_nothing(self, store: Store) -> None:
        writer = store.writer(IMAGE, 1, None)
        feed(writer, b"x" * MIB)
        writer.abort()
        assert not self.leftovers(store)
        writer.abort()

    def test_abort_before_the_first_byte_leaves_nothing(self, store: Store) -> None:
        store.writer(IMAGE, 1, 5).abort()
        assert not self.leftovers(store)

    def test_abort_after_commit_removes_the_object(self, store: Store) -> None:
        writer = store.writer(IMAGE, 1, None)
        feed(writer, b"abc")
        url = writer.commit()
        writer.abort()
        with pytest.raises(NotFound):
            store.reader(url)
        assert not self.leftovers(store)

    def test_abort_spares_what_another_claim_committed(self, store: Store) -> None:
        late = store.writer(IMAGE, 1, None)
        feed(late, b"late")
        url = put(store, b"mine", claim=2)
        late.abort()
        assert content(store, url) == b"mine"

    def test_commit_never_replaces(self, store: Store) -> None:
        first = put(store, b"first", claim=1)
        second = put(store, b"second", claim=2)
        assert first != second
        assert content(store, first) == b"first"
        assert content(store, second) == b"second"

    def test_a_late_commit_never_replaces_its_successor(self, store: Store) -> None:
        late = store.writer(IMAGE, 1, None)
        feed(late, b"late")
        url = put(store, b"mine", claim=2)
        assert late.commit() != url
        assert content(store, url) == b"mine"

    def test_two_claims_write_side_by_side(self, store: Store) -> None:
        writers = [store.writer(IMAGE, claim, None) for claim in (1, 2)]
        for part in range(3):
            for number, writer in enumerate(writers):
                writer.write(Extent(part * MIB, MIB, bytes([number + 1]) * MIB))
        urls = [writer.commit() for writer in writers]
        assert [content(store, url) for url in urls] == [b"\1" * 3 * MIB, b"\2" * 3 * MIB]

    def test_the_same_claim_may_begin_again(self, store: Store) -> None:
        feed(store.writer(IMAGE, 1, None), b"died before it was done")
        assert content(store, put(store, b"again", claim=1)) == b"again"

    def test_an_empty_object(self, store: Store) -> None:
        url = store.writer(IMAGE, 1, 0).commit()
        assert content(store, url) == b""

    def test_an_empty_object_of_unknown_size(self, store: Store) -> None:
        url = store.writer(IMAGE, 1, None).commit()
        assert content(store, url) == b""

    def test_one_byte(self, store: Store) -> None:
        assert content(store, put(store, b"1")) == b"1"

    def test_an_unknown_size(self, store: Store) -> None:
        data = os.urandom(5 * MIB)
        assert content(store, put(store, data, size=None)) == data

    @pytest.mark.parametrize("received", [0, 9, 11], ids=["nothing", "too short", "too long"])
    def test_a_broken_promise_of_size_is_not_committed(self, store: Store, received: int) -> None:
        writer = store.writer(IMAGE, 1, 10)
        with pytest.raises(Invalid, match=rf"\b10\b.*\b{received}\b"):
            feed(writer, b"x" * received).commit()
        writer.abort()
        assert not self.leftovers(store)

    @pytest.mark.parametrize(
        "layout",
        [
            [(MIB, False)],
            [(5, True), (MIB, False), (5, True)],
            [(MIB, False), (3, True)],
            [(3, True), (MIB, False)],
        ],
        ids=["only zeros", "in the middle", "at the start", "at the end"],
    )
    def test_zeros_are_read_as_zeros(self, store: Store, layout: list[tuple[int, bool]]) -> None:
        writer, offset, expected = store.writer(IMAGE, 1, None), 0, b""
        for length, has_data in layout:
            data = os.urandom(length) if has_data else None
            writer.write(Extent(offset, length, data))
            expected += data or bytes(length)
            offset += length
        assert content(store, writer.commit()) == expected

    @pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
    def test_any_buffer_will_do(self, store: Store, kind: type) -> None:
        writer = store.writer(IMAGE, 1, 4)
        writer.write(Extent(0, 4, kind(b"data")))
        assert content(store, writer.commit()) == b"data"

    @pytest.mark.parametrize(
        ("offset", "length"),
        [
            (0, 1),
            (1, 10),
            (MIB - 1, 2),
            (2 * MIB - 5, 5),
            (2 * MIB - 5, 500),
            (2 * MIB, 1),
            (3 * MIB, 1),
            (7, 0),
        ],
    )
    def test_reads_at_any_offset(self, store: Store, offset: int, length: int) -> None:
        data = os.urandom(2 * MIB)
        reader = store.reader(put(store, data))
        assert reader.size == len(data)
        assert bytes(reader.read(offset, length)) == data[offset : offset + length]
        reader.close()
        reader.close()

    def test_what_is_not_there_is_not_found(self, store: Store) -> None:
        url = put(store, b"gone")
        store.delete(url)
        with pytest.raises(NotFound):
            store.reader(url)

    def test_deleting_twice_is_no_error(self, store: Store) -> None:
        url = put(store, b"gone")
        store.delete(url)
        store.delete(url)
        assert not self.leftovers(store)

    def test_delete_removes_that_object_only(self, store: Store) -> None:
        first, second = put(store, b"first", claim=1), put(store, b"second", claim=2)
        store.delete(first)
        assert content(store, second) == b"second"

    def test_sweep_removes_objects_and_parts(self, store: Store) -> None:
        put(store, b"object", claim=1)
        put(store, b"another", claim=2)
        feed(store.writer(IMAGE, 3, None), b"part")
        store.sweep(IMAGE, ())
        assert not self.leftovers(store)

    @pytest.mark.parametrize("kept", [0, 1])
    def test_sweep_keeps_what_it_must(self, store: Store, kept: int) -> None:
        urls = [put(store, b"object %d" % claim, claim=claim) for claim in (1, 2)]
        feed(store.writer(IMAGE, 3, None), b"part")
        store.sweep(IMAGE, {urls[kept]})
        assert len(self.leftovers(store)) == 1
        assert content(store, urls[kept]) == b"object %d" % (kept + 1)

    def test_sweep_spares_other_images(self, store: Store) -> None:
        url = put(store, b"other", image=OTHER)
        part = feed(store.writer(OTHER, 2, None), b"part")
        store.sweep(IMAGE, ())
        assert content(store, url) == b"other"
        assert content(store, part.commit()) == b"part"

    def test_sweep_spares_what_a_successor_has_made(self, store: Store) -> None:
        put(store, b"mine", claim=4)
        url = put(store, b"another of mine", claim=5)
        part = feed(store.writer(IMAGE, 6, None), b"part")
        store.sweep(IMAGE, (), claim=4)
        assert content(store, url) == b"another of mine"
        assert content(store, part.commit()) == b"part"
        assert len(self.leftovers(store)) == 2

    def test_sweep_spares_a_successor_under_the_plain_name(self, store: Store) -> None:
        url = put(store, b"successor", claim=9)
        store.sweep(IMAGE, (), claim=3)
        assert content(store, url) == b"successor"
        store.sweep(IMAGE, (), claim=9)
        assert not self.leftovers(store)

    def test_sweep_of_nothing_is_no_error(self, store: Store) -> None:
        store.sweep(IMAGE, ("file:///elsewhere", "nonsense"))

    def test_kernel_copies_when_offered(self, store: Store, place: Path) -> None:
        writer = store.writer(IMAGE, 1, 3 * MIB)
        if not isinstance(writer, KernelCopy):
            writer.abort()
            pytest.skip("this store takes no kernel copies")
        source, data = place / "source", os.urandom(3 * MIB)
        source.write_bytes(data)
        with source.open("rb") as file:
            writer.copy_from(file.fileno(), 0, MIB)
            writer.write(Extent(MIB, MIB, data[MIB : 2 * MIB]))
            writer.copy_from(file.fileno(), 2 * MIB, MIB)
        assert content(store, writer.commit()) == data

    def test_adopts_when_offered(self, store: Store, place: Path) -> None:
        if not isinstance(store, Adopts):
            pytest.skip("this store does not adopt")
        path, data = place / "staged", os.urandom(MIB)
        path.write_bytes(data)
        writer = store.adopt(path, IMAGE, 1)
        assert writer is not None
        assert not self.leftovers(store), "nothing is visible before commit"
        url = writer.commit()
        path.unlink(missing_ok=True)
        assert content(store, url) == data

    def test_an_adoption_can_be_taken_back(self, store: Store, place: Path) -> None:
        if not isinstance(store, Adopts):
            pytest.skip("this store does not adopt")
        path = place / "staged"
        path.write_bytes(b"staged")
        writer = store.adopt(path, IMAGE, 1)
        assert writer is not None
        writer.commit()
        writer.abort()
        writer.abort()
        assert not self.leftovers(store)
        assert path.read_bytes() == b"staged"


class ReadOnlyStoreSuite:
    """The contract of a store that only reads: what lies there is somebody else's and stays as it is."""

    @pytest.fixture
    def store(self) -> Store:
        """A store of the driver that is tested."""
        raise NotImplementedError

    def publish(self, data: bytes) -> str:
        """Put an object where the store can read it, behind its back; the URL."""
        raise NotImplementedError

    def test_says_what_it_is(self, store: Store) -> None:
        store.check()
        assert store.id
        assert store.type
        assert store.read_only

    def test_takes_nothing(self, store: Store) -> None:
        with pytest.raises(Forbidden):
            store.writer(IMAGE, 1, None)

    def test_what_lies_there_is_read(self, store: Store) -> None:
        data = os.urandom(3 * MIB + 17)
        assert content(store, self.publish(data)) == data

    @pytest.mark.parametrize(
        ("offset", "length"), [(0, 1), (5, 10), (MIB - 1, 2), (2 * MIB, 5 * MIB), (3 * MIB + 17, 9)]
    )
    def test_any_range_is_read(self, store: Store, offset: int, length: int) -> None:
        data = os.urandom(3 * MIB + 17)
        reader = store.reader(self.publish(data))
        assert reader.size == len(data)
        assert bytes(reader.read(offset, length)) == data[offset : offset + length]
        assert bytes(reader.read(1, 3)) == data[1:4]
        reader.close()
        reader.close()

    def test_readers_do_not_disturb_each_other(self, store: Store) -> None:
        data = os.urandom(2 * MIB)
        url = self.publish(data)
        readers = [store.reader(url), store.reader(url)]
        parts = [[bytes(reader.read(at, MIB)) for reader in readers] for at in (0, MIB)]
        assert parts == [[data[:MIB]] * 2, [data[MIB:]] * 2]
        for reader in readers:
            reader.close()

    def test_what_is_not_there_is_not_found(self, store: Store) -> None:
        with pytest.raises(NotFound):
            store.reader(self.publish(b"x") + ".not")

    def test_nothing_is_ever_removed(self, store: Store) -> None:
        url = self.publish(b"somebody else's")
        store.delete(url)
        store.sweep(IMAGE, ())
        assert content(store, url) == b"somebody else's"


def feed(writer: Writer, data: bytes) -> Writer:
    """Write ``data`` in pieces of 1 MiB."""
    for offset in range(0, len(data), MIB):
        piece = data[offset : offset + MIB]
        writer.write(Extent(offset, len(piece), piece))
    return writer


def put(store: Store, data: bytes, *, image: str = IMAGE, claim: int = 1, size: int | None = -1) -> str:
    """Store an object, of the size it has unless another (or None) is said; its URL."""
    writer = store.writer(image, claim, len(data) if size == -1 else size)
    try:
        return feed(writer, data).commit()
    except GlimpseError:
        writer.abort()
        raise


def content(store: Store, url: str) -> bytes:
    """All of an object."""
    reader = store.reader(url)
    try:
        return b"".join(bytes(reader.read(at, MIB)) for at in range(0, reader.size, MIB))
    finally:
        reader.close()
