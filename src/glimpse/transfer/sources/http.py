"""A download over HTTP or HTTPS as a stream of bytes that is complete or says what is wrong."""

import contextlib
import http.client
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from email.message import Message
from functools import lru_cache
from typing import cast
from urllib.parse import urljoin

from glimpse.errors import Cancelled, TooLarge
from glimpse.transfer.extent import Buffer
from glimpse.transfer.protocols import Stop
from glimpse.transfer.sources.body import BadFraming, body, length
from glimpse.transfer.sources.failures import SourceRefused, SourceUnavailable
from glimpse.transfer.sources.pace import Patience, Stalled
from glimpse.transfer.sources.resolve import Resolve, system_resolve, within
from glimpse.transfer.sources.rules import FetchRules, UriRefused
from glimpse.transfer.sources.uri import Target, check, masked, plain
from glimpse.transfer.sources.wire import Wire, connect

__all__ = ["HttpSource", "SourceRefused", "SourceUnavailable"]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 10
# Answers that say "not now": the request may succeed later, unchanged.
_PASSING = frozenset({408, 421, 425, 429, 500, 502, 503, 504})
_ABSOLUTE = re.compile("[A-Za-z][A-Za-z0-9+.-]*:")


class HttpSource:
    """One GET of ``uri``; a :class:`glimpse.transfer.protocols.Stream`. Does no I/O until :meth:`open`.

    Connects only to addresses that ``rules`` allow, over every redirect; proxies named in the environment are
    not used. ``user:password@`` in the URI becomes Basic authentication for that origin alone. Times are in
    seconds, ``minimum_speed`` in bytes per second averaged over ``stall_timeout``, ``size_cap`` in bytes.
    """

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
        if not user_agent.isascii() or not user_agent.isprintable():
            raise ValueError(f"user_agent {user_agent!r} is not printable ASCII")
        self._uri = uri
        self._rules = rules
        self._patience = Patience(connect_timeout, stall_timeout, minimum_speed)
        self._user_agent = user_agent
        self._stop = stop
        self._size_cap = size_cap
        self._ssl_context = ssl_context
        self._resolve = within(connect_timeout, resolve, self._check)
        self._lock = threading.Lock()
        self._closed = False
        self._wire: Wire | None = None
        self._target: Target | None = None
        self._headers = Message()
        self._size: int | None = None

    def open(self) -> None:
        """Connect, follow redirects and read the answer's header; harmless when repeated.

        Raises UriRefused, SourceRefused, SourceUnavailable, TooLarge, and what ``stop`` raises.
        """
        if self._target is None:
            try:
                self._target = self._arrive()
            except BaseException:
                self.close()
                raise

    @property
    def size(self) -> int | None:
        """Bytes that the source announces (Content-Length), None where it does not; calls :meth:`open`."""
        self.open()
        return self._size

    def chunks(self) -> Iterator[Buffer]:
        """The body in pieces of up to 1 MiB; ends normally only when the body was complete."""
        self.open()
        wire, target = self._wire, self._target
        if wire is None or target is None:
            raise Cancelled("The download was closed.")
        done = 0
        try:
            for piece in body(wire, self._headers):
                done += len(piece)
                self._limit(done, "sent")
                yield piece
            if not done:
                raise SourceRefused(f"{target.shown} answered with no data.")
        except EOFError:
            raise SourceUnavailable(
                f"The connection to {target.shown} was lost {self._after(done)}."
            ) from None
        except Stalled as error:
            raise SourceUnavailable(f"{target.shown} stalled {self._after(done)}: {error}.") from None
        except OSError as error:
            why = error.strerror or error
            raise SourceUnavailable(
                f"The connection to {target.shown} was lost {self._after(done)}: {why}."
            ) from None
        except BadFraming as error:
            raise SourceRefused(f"{target.shown} sent {error} ({self._after(done)}).") from None
        finally:
            self.close()

    def close(self) -> None:
        """End the download, also one that blocks in another thread (which then raises Cancelled)."""
        with self._lock:
            self._closed = True
            wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()

    def _check(self) -> None:
        if self._closed:
            raise Cancelled("The download was closed.")
        self._stop.check()

    def _arrive(self) -> Target:
        """Follow redirects to the answer that has the body."""
        target = check(self._uri, self._rules, self._resolve)
        origin, authorization = target.origin, target.authorization
        visited = set()
        for _ in range(_MOST_REDIRECTS + 1):
            visited.add(target.url)
            status, headers = self._ask(target, authorization if target.origin == origin else None)
            if status not in _REDIRECTS:
                self._accept(target, status, headers)
                return target
            previous, target = target, self._follow(target, status, headers)
            if target.url in visited:
                raise SourceRefused(f"{previous.shown} redirects in a loop to {target.shown}.", status=status)
        raise SourceRefused(
            f"{masked(self._uri)} redirects more than {_MOST_REDIRECTS} times.", status=status
        )

    def _ask(self, target: Target, authorization: str | None) -> tuple[int, Message]:
        """Send the request on a connection of its own; the answer's status and header."""
        wire = connect(target, self._rules, self._patience, self._check, self._tls)
        with self._lock:
            previous, self._wire = self._wire, wire
        if previous is not None:
            previous.close()
        self._check()
        wire.begin_header()
        try:
            wire.send(self._request(target, authorization))
            while True:
                answer = http.client.HTTPResponse(cast(socket.socket, _Lines(wire)), method="GET")
                answer.begin()
                if answer.status >= 200 or answer.status == 101:
                    break
            if wire.ended:
                raise http.client.RemoteDisconnected("in the header")
        except http.client.RemoteDisconnected:
            raise SourceUnavailable(f"{target.shown} closed the connection without a full answer.") from None
        except Stalled as error:
            raise SourceUnavailable(f"{target.shown} does not answer: {error}.") from None
        except OSError as error:
            why = error.strerror or error
            raise SourceUnavailable(f"The connection to {target.shown} was lost: {why}.") from None
        except (http.client.BadStatusLine, http.client.UnknownProtocol):
            raise SourceRefused(f"{target.shown} does not answer in HTTP.") from None
        except http.client.HTTPException:
            raise SourceRefused(f"The header of {target.shown}'s answer is too large or broken.") from None
        wire.begin_body()
        return answer.status, answer.headers

    def _request(self, target: Target, authorization: str | None) -> bytes:
        lines = [
            f"GET {target.path} HTTP/1.1",
            f"Host: {target.netloc}",
            f"User-Agent: {self._user_agent}",
            "Accept: */*",
            "Accept-Encoding: identity",
            "Connection: close",
        ]
        if authorization is not None:
            lines.append(f"Authorization: {authorization}")
        return "\r\n".join([*lines, "", ""]).encode("ascii")

    def _follow(self, target: Target, status: int, headers: Message) -> Target:
        """The target of a redirect, judged like the first."""
        location = headers.get("Location", "")
        if not location:
            raise SourceRefused(f"HTTP {status} without a Location from {target.shown}.", status=status)
        with contextlib.suppress(UnicodeError):  # the parser reads Latin-1; servers that send more send UTF-8
            location = location.encode("latin-1").decode()
        uri = location if _ABSOLUTE.match(location) or not plain(location) else urljoin(target.url, location)
        try:
            found = check(uri, self._rules, self._resolve)
            if found.authorization is not None:
                raise UriRefused("It names a user.", rule="userinfo")
        except UriRefused as error:
            message = f"The redirect from {target.shown} to {masked(uri)} is refused: {error.message}"
            raise type(error)(message, rule=error.rule, hint=error.hint) from None
        return found

    def _accept(self, target: Target, status: int, headers: Message) -> None:
        """Refuse an answer whose body is not the whole thing, as it is, within the limits."""
        if status != 200:
            failure = SourceUnavailable if status in _PASSING else SourceRefused
            raise failure(f"HTTP {status} from {target.shown}.", status=status)
        coding = headers.get("Content-Encoding", "").strip().lower()
        if coding not in ("", "identity"):
            raise SourceRefused(
                f"{target.shown} sent content encoding {coding[:40]!r}, which was not asked for.",
                status=status,
                hint="The server should send the file as it is, without Content-Encoding.",
            )
        try:
            self._size = length(headers)
        except BadFraming as error:
            raise SourceRefused(f"{target.shown} sent {error}.", status=status) from None
        if self._size == 0:
            raise SourceRefused(f"{target.shown} answered with no data.", status=status)
        if self._size is not None:
            self._limit(self._size, "announces")
        self._headers = headers

    def _limit(self, size: int, verb: str) -> None:
        if self._size_cap is not None and size > self._size_cap:
            raise TooLarge(
                f"{masked(self._uri)} {verb} {size} bytes, more than the {self._size_cap} allowed."
            )

    def _after(self, done: int) -> str:
        return f"after {done} bytes" if self._size is None else f"after {done} of {self._size} bytes"

    def _tls(self) -> ssl.SSLContext:
        return self._ssl_context or _default_context()


class _Lines:
    """What http.client reads an answer's header from: lines of a connection that it does not own."""

    def __init__(self, wire: Wire) -> None:
        self.readline = wire.readline

    def makefile(self, mode: str) -> "_Lines":
        return self

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass


@lru_cache(maxsize=1)
def _default_context() -> ssl.SSLContext:
    # Reading the system's certificates takes 20 ms or more; once per process is enough.
    return ssl.create_default_context()
