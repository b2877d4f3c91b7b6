import threading

import pytest

from glimpse.errors import Gone
from glimpse.testing.stream_suite import StreamSuite
from glimpse.transfer.extent import Buffer
from glimpse.transfer.protocols import Stream
from glimpse.transfer.sources.object import ObjectSource


class BytesReader:
    """A Reader over bytes that counts what it is asked and refuses to be used after its end."""

    def __init__(self, content: bytes, size: int | None = None) -> None:
        self._content = content
        self._size = len(content) if size is None else size
        self.closed = 0
        self.reading = threading.Event()

    @property
    def size(self) -> int:
        return self._size

    def read(self, offset: int, length: int) -> Buffer:
        assert not self.closed
        return self._content[offset : offset + length]

    def close(self) -> None:
        self.closed += 1


class TestObjectSource(StreamSuite):
    def stream(self, content: bytes) -> Stream:
        return ObjectSource(BytesReader(content))


def test_closing_closes_the_reader_once() -> None:
    reader = BytesReader(b"content")
    source = ObjectSource(reader, chunk=2)
    chunks = source.chunks()
    assert next(chunks) == b"co"
    source.close()
    source.close()
    assert reader.closed == 1


def test_closing_never_waits_for_a_read_and_the_read_closes_the_reader() -> None:
    inside, release = threading.Event(), threading.Event()

    class Slow(BytesReader):
        def read(self, offset: int, length: int) -> Buffer:
            inside.set()
            assert release.wait(20)
            return super().read(offset, length)

    reader = Slow(b"content")
    source = ObjectSource(reader, chunk=2)
    got: list[Buffer] = []
    thread = threading.Thread(target=lambda: got.append(next(source.chunks())))
    thread.start()
    assert inside.wait(20)
    source.close()
    assert reader.closed == 0, "it is in use"
    release.set()
    thread.join()
    assert got == [b"co"]
    assert reader.closed == 1


def test_an_object_shorter_than_it_says_is_gone() -> None:
    source = ObjectSource(BytesReader(b"content", size=100))
    with pytest.raises(Gone, match="7 of 100"):
        list(source.chunks())
