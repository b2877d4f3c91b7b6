"""What every source must do, as tests: subclass :class:`StreamSuite`, say how to make the stream, and run it with
pytest.

The smallest use (``tests/unit/transfer/sources/test_memory.py``)::

    class TestMemorySource(StreamSuite):
        def stream(self, content: bytes) -> Stream:
            return MemorySource(content)
"""

import threading
from collections.abc import Iterator

import pytest

from glimpse.errors import GlimpseError
from glimpse.transfer.protocols import Stream

MIB = 1 << 20
LARGEST = 4 * MIB
# How long a closed stream may take to end, and how long a test waits before it calls that a hang.
SOON = 2.0
CONTENTS = {
    "nothing": b"",
    "one byte": b"x",
    "no multiple of anything": bytes(range(251)) * 5003,
    "zeros": bytes(3 * MIB),
    "several chunks": b"".join(bytes([number]) * (MIB + number) for number in range(9)),
}


class StreamSuite:
    """The contract of :class:`glimpse.transfer.protocols.Stream`. Fails on threads that are left behind."""

    def stream(self, content: bytes) -> Stream:
        """A stream of ``content``, not yet read."""
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    def _leaves_no_thread(self) -> Iterator[None]:
        before = set(threading.enumerate())
        yield
        for thread in set(threading.enumerate()) - before:
            thread.join(SOON)
            assert not thread.is_alive(), f"{thread.name} was left behind"

    @pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
    def test_gives_the_bytes_in_order(self, content: bytes) -> None:
        stream = self.stream(content)
        try:
            assert b"".join(stream.chunks()) == content
        finally:
            stream.close()

    def test_chunks_are_neither_empty_nor_too_large(self) -> None:
        stream = self.stream(CONTENTS["several chunks"])
        try:
            assert all(1 <= len(chunk) <= LARGEST for chunk in stream.chunks())
        finally:
            stream.close()

    @pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
    def test_a_size_that_is_given_is_true(self, content: bytes) -> None:
        stream = self.stream(content)
        try:
            assert stream.size in (None, len(content))
        finally:
            stream.close()

    def test_chunks_stay_what_they_are(self) -> None:
        content = CONTENTS["several chunks"]
        stream = self.stream(content)
        try:
            kept = list(stream.chunks())
        finally:
            stream.close()
        assert b"".join(kept) == content, "a buffer was used again after it was handed out"

    def test_close_is_harmless_at_any_time(self) -> None:
        unread = self.stream(b"never read")
        unread.close()
        unread.close()
        read = self.stream(b"read")
        assert b"".join(read.chunks()) == b"read"
        read.close()
        read.close()

    def test_a_stream_closed_half_way_does_not_end_as_if_complete(self) -> None:
        content = CONTENTS["several chunks"]
        stream = self.stream(content)
        chunks = stream.chunks()
        got = len(next(chunks))
        stream.close()
        try:
            got += sum(len(chunk) for chunk in chunks)
        except GlimpseError:
            return
        assert got == len(content)

    def test_close_from_another_thread_ends_a_reader_soon(self) -> None:
        stream = self.stream(CONTENTS["several chunks"] * 4)
        begun = threading.Event()

        def read() -> None:
            try:
                for _ in stream.chunks():
                    begun.set()
            except GlimpseError:
                pass

        reader = threading.Thread(target=read)
        reader.start()
        begun.wait(SOON)
        stream.close()
        reader.join(SOON)
        assert not reader.is_alive()
