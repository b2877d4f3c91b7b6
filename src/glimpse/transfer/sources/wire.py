"""One connection to a judged address, plain or TLS, read by one thread and ended by any."""

import contextlib
import logging
import os
import select
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from time import monotonic

from glimpse.transfer.sources.addresses import Address
from glimpse.transfer.sources.failures import SourceRefused, SourceUnavailable
from glimpse.transfer.sources.pace import Pace, Patience, Stalled
from glimpse.transfer.sources.rules import FetchRules, unusable
from glimpse.transfer.sources.uri import Target

Check = Callable[[], None]
"""Raises when the work must stop; called at least every half second while something blocks."""

log = logging.getLogger(__name__)

CHUNK = 1 << 20
_AHEAD = 1 << 16


def connect(
    target: Target, rules: FetchRules, patience: Patience, check: Check, tls: Callable[[], ssl.SSLContext]
) -> "Wire":
    """Connect to the first of ``target``'s addresses that answers; each is judged once more before.

    Raises UriRefused, SourceRefused (a certificate, no TLS), SourceUnavailable, and what ``check`` raises.
    """
    failures: dict[Address, str] = {}
    for address in target.addresses:
        if (refusal := rules.refusal(address, target.host)) is not None:
            raise unusable(target.host, [refusal], literal=target.host == str(address))
        try:
            return Wire(_open(address, target, patience, check, tls), patience, check)
        except ssl.SSLCertVerificationError as error:
            why = error.verify_message.rstrip(".")
            raise SourceRefused(f"The certificate of {target.netloc} is not valid: {why}.") from None
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            failures[address] = "closed during the TLS handshake"
        except ssl.SSLError as error:
            why = (error.reason or str(error)).replace("_", " ").lower()
            raise SourceRefused(f"No TLS connection to {target.netloc}: {why}.") from None
        except TimeoutError:
            failures[address] = f"no connection within {patience.connect:g} seconds"
        except OSError as error:
            failures[address] = str(error.strerror or error)
    tried = "; ".join(f"{address}: {why}" for address, why in failures.items())
    log.info("Cannot connect to %s: %s.", target.shown, tried)
    # Which addresses a name has inside is not for everybody who may import; the log has them.
    reasons = "; ".join(dict.fromkeys(failures.values()))
    raise SourceUnavailable(f"Cannot connect to {target.shown}: {reasons}.")


class Wire:
    """The bytes that come in on one connection. Limits on time hold for every read.

    Reads raise Stalled, OSError (also of TLS: a reset, an end without goodbye), and what ``check`` raises.
    """

    def __init__(self, sock: socket.socket, patience: Patience, check: Check) -> None:
        self._sock = sock
        self._secure = isinstance(sock, ssl.SSLSocket)
        self._patience = patience
        self._check = check
        self._checked = monotonic()
        self._pace = Pace(patience)
        self._deadline: float | None = None
        self._buffer = b""
        self._at = 0
        self._reading = threading.Lock()
        self.ended = False
        """Whether the other side has ended the connection."""
        if self._secure:
            sock.settimeout(patience.slice)
        else:
            # A blocking socket with a timeout of the kernel's, so that MSG_WAITALL fills a whole chunk in one
            # call: Python's own timeouts poll before every recv and get what one wakeup brings.
            sock.setblocking(True)
            seconds, fraction = divmod(patience.slice, 1)
            sock.setsockopt(
                socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", int(seconds), int(fraction * 1e6))
            )

    def send(self, data: bytes) -> None:
        """Send a request (it fits into the socket's buffer, so this does not wait for the other side)."""
        self._sock.sendall(data)

    def begin_header(self) -> None:
        """From now to :meth:`begin_body` all must come within the time that may pass without a byte."""
        self._deadline = monotonic() + self._patience.stall

    def begin_body(self) -> None:
        """From now on only pauses and the mean speed are limited."""
        self._deadline = None
        self._pace = Pace(self._patience)

    def readline(self, limit: int = _AHEAD) -> bytes:
        """Up to and including the next line feed; at most ``limit`` bytes, less only where the bytes end."""
        while (end := self._buffer.find(b"\n", self._at, self._at + limit)) < 0:
            if len(self._buffer) - self._at >= limit:
                end = self._at + limit - 1
                break
            if not (more := self._receive(_AHEAD, fill=False)):
                end = len(self._buffer) - 1
                break
            self._buffer = self._buffer[self._at :] + more
            self._at = 0
        line = self._buffer[self._at : end + 1]
        self._at = end + 1
        return line

    def take(self, limit: int) -> bytes:
        """The next 1 to ``limit`` bytes, as many as come within a quarter of a second; none at the end."""
        if self._at == len(self._buffer):
            if limit >= _AHEAD:
                return self._receive(limit, fill=True)
            self._buffer, self._at = self._receive(_AHEAD, fill=False), 0
        piece = self._buffer[self._at : self._at + limit]
        self._at += len(piece)
        return piece

    def surplus(self, seconds: float) -> bool:
        """Whether anything more comes within ``seconds``."""
        if self._at < len(self._buffer):
            return True
        with contextlib.suppress(OSError), self._reading:
            self._sock.settimeout(seconds)
            return bool(self._sock.recv(1))
        return False

    def close(self) -> None:
        """End the connection, also under a thread that is reading from it; harmless when repeated."""
        # Not SSLSocket's own shutdown, which takes the TLS layer away under the reader.
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._sock, socket.SHUT_RDWR)
        # The reader has been woken by that. Its descriptor must not become another file's while it is used.
        with self._reading:
            self._sock.close()

    def _receive(self, limit: int, *, fill: bool) -> bytes:
        while True:
            started = monotonic()
            try:
                with self._reading:
                    data = self._recv(limit, fill)
            except (BlockingIOError, TimeoutError, ssl.SSLWantReadError):
                data = None
            except OSError:
                self._check()  # after close() by another thread this says so
                raise
            now = monotonic()
            if not data or now - self._checked >= self._patience.slice:
                self._check()
                self._checked = now
            if data == b"":
                self.ended = True
                return data
            self._pace.note(now - started, len(data or b""))
            if self._deadline is not None and now > self._deadline:
                raise Stalled(f"no complete header within {self._patience.stall:g} seconds")
            if data is not None:
                return data

    def _recv(self, limit: int, fill: bool) -> bytes:
        if not self._secure:
            return self._sock.recv(limit, socket.MSG_WAITALL if fill else 0)
        first = self._sock.recv(limit)
        if not fill or not first or len(first) == limit:
            return first
        # One TLS record (16 KiB) a call: gather what is there and a little more.
        pieces, size, until = [first], len(first), monotonic() + self._patience.slice
        while size < limit and monotonic() < until:
            try:
                piece = self._sock.recv(limit - size)
            except OSError:
                break  # comes again with the next call, after these bytes
            if not piece:
                break
            pieces.append(piece)
            size += len(piece)
        return b"".join(pieces)


def _open(
    address: Address, target: Target, patience: Patience, check: Check, tls: Callable[[], ssl.SSLContext]
) -> socket.socket:
    sock = socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        deadline = monotonic() + patience.connect
        with contextlib.suppress(BlockingIOError):
            sock.connect((str(address), target.port))
        _wait(sock, select.POLLOUT, deadline, check)
        if code := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(code, os.strerror(code))
        return _secured(sock, target.host, tls(), deadline, check) if target.scheme == "https" else sock
    except BaseException:
        sock.close()
        raise


def _secured(
    sock: socket.socket, host: str, context: ssl.SSLContext, deadline: float, check: Check
) -> ssl.SSLSocket:
    # Ragged ends count as errors: a body without a length must not be cut by whoever can cut a connection.
    secure = context.wrap_socket(
        sock, server_hostname=host, do_handshake_on_connect=False, suppress_ragged_eofs=False
    )
    try:
        while True:
            try:
                secure.do_handshake()
                return secure
            except ssl.SSLWantReadError:
                _wait(secure, select.POLLIN, deadline, check)
            except ssl.SSLWantWriteError:
                _wait(secure, select.POLLOUT, deadline, check)
    except BaseException:
        secure.close()
        raise


def _wait(sock: socket.socket, event: int, deadline: float, check: Check) -> None:
    poll = select.poll()
    poll.register(sock, event)
    while True:
        check()
        remaining = deadline - monotonic()
        if remaining <= 0:
            raise TimeoutError
        if poll.poll(max(1, min(remaining, 0.25) * 1000)):
            return
