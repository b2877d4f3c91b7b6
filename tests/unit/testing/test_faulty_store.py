"""The store that fails on purpose."""

import threading

import pytest

from glimpse.errors import NoSpace, Unavailable
from glimpse.stores.memory import MemoryStore
from glimpse.testing.faulty_store import Faults, FaultyStore
from glimpse.testing.store_suite import IMAGE, content, feed, put
from glimpse.transfer.extent import Extent


def test_without_faults_it_is_the_inner_store() -> None:
    store = FaultyStore(MemoryStore("memory"))
    assert content(store, put(store, b"data")) == b"data"


def test_it_fails_after_so_many_bytes_and_has_written_those() -> None:
    inner = MemoryStore("memory")
    writer = FaultyStore(inner, Faults(fail_after=5)).writer(IMAGE, 1, None)
    writer.write(Extent(0, 3, b"abc"))
    with pytest.raises(Unavailable):
        writer.write(Extent(3, 4, b"defg"))
    (part,) = inner.parts()
    assert bytes(part.content) == b"abcde"
    writer.abort()
    assert inner.names() == []


def test_it_fails_with_the_error_that_is_wanted() -> None:
    store = FaultyStore(MemoryStore("memory"), Faults(fail_begin=True, error=lambda: NoSpace("full")))
    with pytest.raises(NoSpace, match="full"):
        store.writer(IMAGE, 1, None)


def test_it_fails_at_commit() -> None:
    writer = FaultyStore(MemoryStore("memory"), Faults(fail_commit=True)).writer(IMAGE, 1, None)
    feed(writer, b"data")
    with pytest.raises(Unavailable):
        writer.commit()


def test_it_waits_at_the_gate_until_it_opens() -> None:
    faults = Faults()
    faults.gate.clear()
    store = FaultyStore(MemoryStore("memory"), faults)
    writer = store.writer(IMAGE, 1, None)
    thread = threading.Thread(target=feed, args=(writer, b"data"))
    thread.start()
    assert faults.writing.wait(10)
    thread.join(0.2)
    assert thread.is_alive()
    faults.gate.set()
    thread.join(10)
    assert not thread.is_alive()
    assert content(store, writer.commit()) == b"data"


def test_an_abort_ends_a_write_that_waits() -> None:
    faults = Faults()
    faults.gate.clear()
    writer = FaultyStore(MemoryStore("memory"), faults).writer(IMAGE, 1, None)
    thread = threading.Thread(target=feed, args=(writer, b"data"))
    thread.start()
    assert faults.writing.wait(10)
    writer.abort()
    thread.join(10)
    assert not thread.is_alive()
