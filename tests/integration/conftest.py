"""Each kind of database in turn, for tests of whole services."""

from tests.servers.fixtures import backend, meeting, url

__all__ = ["backend", "meeting", "url"]
