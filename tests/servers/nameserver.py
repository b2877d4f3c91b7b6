"""A name server that says what a test tells it to, and something else the next time if so told."""

import socket
import struct
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from types import TracebackType
from typing import Self

A, CNAME, AAAA = 1, 5, 28
SERVFAIL, NXDOMAIN, REFUSED = 2, 3, 5
_INTERNET = 1
_MOST_ALIASES = 16


@dataclass(frozen=True, slots=True)
class Answer:
    """What a name is said to be. Addresses of the kind that was not asked for are left out."""

    addresses: Sequence[str] = ()
    alias: str = ""
    """Another name, which is asked next (CNAME)."""
    code: int = 0
    """An error instead."""
    silent: bool = False
    """Nothing at all, ever."""


def at(*addresses: str) -> list[Answer]:
    """A name with these addresses, always."""
    return [Answer(addresses)]


class NameServer:
    """Answers on a UDP socket, one thread, from ``with`` to its end.

    ``names`` gives what each question for a name is answered with: the first with the first, and so on, all further
    ones with the last; questions for IPv4 and IPv6 addresses count apart. Other names do not exist.
    """

    def __init__(self, sock: socket.socket, names: Mapping[str, Sequence[Answer]]) -> None:
        self.names = dict(names)
        self.asked: Counter[str] = Counter()
        """How often each name was looked up (each look-up asks for IPv4 and for IPv6 addresses)."""
        self._turns: Counter[tuple[str, int]] = Counter()
        self._sock = sock
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._serve, name="nameserver", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._sock.close()

    def wait_asked(self, name: str, times: int, seconds: float) -> bool:
        """Whether the name is looked up so often within that time."""
        with self._changed:
            return self._changed.wait_for(lambda: self.asked[name] >= times, seconds)

    def _serve(self) -> None:
        while True:
            try:
                question, sender = self._sock.recvfrom(4096)
            except OSError:
                return
            if not question:
                return
            if answer := self._answer(question):
                self._sock.sendto(answer, sender)

    def _answer(self, question: bytes) -> bytes | None:
        name, end = _read_name(question, 12)
        (kind,) = struct.unpack_from(">H", question, end)
        with self._changed:
            if kind == A:
                self.asked[name] += 1
                self._changed.notify_all()
        records: list[bytes] = []
        owner = name
        for _ in range(_MOST_ALIASES):
            said = self._next(owner, kind)
            if said.silent:
                return None
            if said.code or not said.alias:
                wanted = [ip_address(text) for text in said.addresses]
                records += [
                    _record(owner, kind, address.packed)
                    for address in wanted
                    if kind == (A if address.version == 4 else AAAA)
                ]
                break
            records.append(_record(owner, CNAME, _written(said.alias)))
            owner = said.alias
        flags = 0x8180 | said.code
        head = question[:2] + struct.pack(">HHHHH", flags, 1, len(records), 0, 0)
        return head + question[12 : end + 4] + b"".join(records)

    def _next(self, name: str, kind: int) -> Answer:
        answers = self.names.get(name, [Answer(code=NXDOMAIN)])
        turn = self._turns[name, kind]
        self._turns[name, kind] += 1
        return answers[min(turn, len(answers) - 1)]


def _read_name(message: bytes, position: int) -> tuple[str, int]:
    """The name there, in lower case, and the position after it."""
    labels = []
    while length := message[position]:
        labels.append(message[position + 1 : position + 1 + length].decode("latin-1").lower())
        position += 1 + length
    return ".".join(labels), position + 1


def _written(name: str) -> bytes:
    labels = [label.encode("latin-1") for label in name.split(".")]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def _record(owner: str, kind: int, data: bytes) -> bytes:
    # A lifetime of nothing: nobody may remember it.
    return _written(owner) + struct.pack(">HHIH", kind, _INTERNET, 0, len(data)) + data
