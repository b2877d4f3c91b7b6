from glimpse.testing.stream_suite import StreamSuite
from glimpse.transfer.protocols import Stream
from glimpse.transfer.sources.memory import MemorySource


class TestMemorySource(StreamSuite):
    def stream(self, content: bytes) -> Stream:
        return MemorySource(content)
