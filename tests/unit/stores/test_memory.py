"""The memory store."""

from collections.abc import Collection

import pytest

from glimpse.errors import NoSpace
from glimpse.stores.base import Store
from glimpse.stores.memory import MemoryStore
from glimpse.testing.store_suite import IMAGE, StoreSuite, content, feed, put


class TestMemoryStore(StoreSuite):
    @pytest.fixture
    def store(self) -> Store:
        return MemoryStore("memory")

    def leftovers(self, store: Store) -> Collection[str]:
        assert isinstance(store, MemoryStore)
        return store.names()


def test_a_full_store_takes_nothing_more_and_says_so() -> None:
    store = MemoryStore("small", {"memory_store_capacity": 10})
    url = put(store, b"12345678")
    with pytest.raises(NoSpace, match=r"'small' is full: 3 bytes are needed, 2 are free"):
        store.writer(IMAGE, 2, 3)
    writer = store.writer(IMAGE, 2, None)
    with pytest.raises(NoSpace):
        feed(writer, b"123")
    writer.abort()
    assert content(store, url) == b"12345678"
    assert store.names() == [url]


def test_a_reader_keeps_what_it_opened() -> None:
    store = MemoryStore("memory")
    url = put(store, b"as it was")
    reader = store.reader(url)
    store.delete(url)
    assert reader.read(0, 100) == b"as it was"
