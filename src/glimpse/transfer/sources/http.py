"""A download over HTTP or HTTPS as a stream of bytes that is complete or says what is wrong."""

import ssl
from collections.abc import Iterator

from glimpse.errors import Invalid, Unavailable
from glimpse.transfer.extent import Buffer
from glimpse.transfer.protocols import Stop
from glimpse.transfer.sources.uri import FetchRules, Resolve, system_resolve


class SourceRefused(Invalid):
    """The source's answer is wrong and stays wrong; ``status`` is its HTTP status, where there was one."""

    code = "source-refused"

    def __init__(self, message: str, *, status: int | None = None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status


class SourceUnavailable(Unavailable):
    """The source failed in a way that may pass; ``status`` is its HTTP status, where there was one."""

    code = "source-unavailable"

    def __init__(self, message: str, *, status: int | None = None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status


class HttpSource:
    """One GET of ``uri``; a :class:`glimpse.transfer.protocols.Stream`. Does no I/O until :meth:`open`."""

    def __init__(
        self,
        uri: str,
        rules: FetchRules,
        *,
        connect_timeout: float,
        stall_timeout: float,
        minimum_speed: int,
        user_agent: str,
        stop: Stop,
        size_cap: int | None,
        ssl_context: ssl.SSLContext | None = None,
        resolve: Resolve = system_resolve,
    ) -> None:
        raise NotImplementedError

    def open(self) -> None:
        """Connect, follow redirects and read the answer's headers; harmless when repeated.

        Raises UriRefused, SourceRefused, SourceUnavailable, TooLarge, and what ``stop`` raises.
        """
        raise NotImplementedError

    @property
    def size(self) -> int | None:
        """Bytes that the source announces (Content-Length); calls :meth:`open`."""
        raise NotImplementedError

    def chunks(self) -> Iterator[Buffer]:
        """The body in pieces of up to 1 MiB; ends normally only when the body was complete."""
        raise NotImplementedError

    def close(self) -> None:
        """End the download, also one that blocks in another thread (which then raises Cancelled)."""
        raise NotImplementedError
