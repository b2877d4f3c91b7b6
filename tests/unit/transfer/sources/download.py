"""What the tests of downloads share."""

import os
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Any

from glimpse.errors import Cancelled, GlimpseError
from glimpse.transfer.protocols import Stop
from glimpse.transfer.sources.http import HttpSource
from glimpse.transfer.sources.resolve import Resolve, system_resolve
from glimpse.transfer.sources.rules import FetchRules

DATA = os.urandom(3 << 20) + b"the end"
LOCAL = frozenset({"127.0.0.1"})


class Run:
    """A stop that never stops."""

    def check(self) -> None:
        pass


class StopWhen:
    """A stop that stops once an event is set."""

    def __init__(self, event: threading.Event) -> None:
        self.event = event

    def check(self) -> None:
        if self.event.is_set():
            raise Cancelled("told to stop")


def source(
    uri: str,
    *,
    hosts: frozenset[str] = LOCAL,
    connect_timeout: float = 5.0,
    stall_timeout: float = 5.0,
    minimum_speed: int = 0,
    size_cap: int | None = None,
    stop: Stop | None = None,
    ssl_context: ssl.SSLContext | None = None,
    resolve: Resolve = system_resolve,
) -> HttpSource:
    return HttpSource(
        uri,
        FetchRules(allowed_hosts=hosts, allowed_ports=frozenset()),
        connect_timeout=connect_timeout,
        stall_timeout=stall_timeout,
        minimum_speed=minimum_speed,
        user_agent="glimpse-test",
        stop=stop or Run(),
        size_cap=size_cap,
        ssl_context=ssl_context,
        resolve=resolve,
    )


def fetch(uri: str, **options: Any) -> bytes:
    return b"".join(bytes(chunk) for chunk in source(uri, **options).chunks())


def failure(uri: str, **options: Any) -> tuple[GlimpseError, bytes]:
    """The error that the download ends in, and the bytes that came before."""
    got = bytearray()
    try:
        for chunk in source(uri, **options).chunks():
            got += chunk
    except GlimpseError as error:
        return error, bytes(got)
    raise AssertionError(f"the download succeeded with {len(got)} bytes")


class Listener:
    """A listening socket that accepts into its backlog and says nothing, or that a thread answers for."""

    def __init__(self, answer: Callable[[socket.socket], None] | None = None) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/disk"
        self._answer = answer
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Listener":
        if self._answer is not None:
            self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._thread.is_alive():
            self._thread.join(10)
        self.socket.close()

    def _run(self) -> None:
        assert self._answer is not None
        connection, _ = self.socket.accept()
        with connection:
            connection.recv(65536)
            self._answer(connection)
