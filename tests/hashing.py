"""Looks on while something is hashed: how much, by which algorithm, in which thread."""

import hashlib
import threading
from collections import Counter, defaultdict
from typing import Any

import pytest

from glimpse.transfer.extent import Buffer

DEADLINE = 20.0


class Hashing:
    """From now on every hash object that ``hashlib.new`` makes is the real one, and tells here what it is given."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bytes: Counter[str] = Counter()
        self.threads: dict[str, set[int]] = defaultdict(set)
        self.failed = False
        self._meeting: threading.Barrier | None = None
        self._new = hashlib.new
        monkeypatch.setattr(hashlib, "new", self._watched)

    def meet(self, count: int) -> None:
        """The first update of each hash object waits until ``count`` of them have one."""
        self._meeting = threading.Barrier(count)

    def _watched(self, name: str, data: Buffer = b"", **options: Any) -> "_Watched":
        hasher = _Watched(self, self._new(name, **options))
        if data:
            hasher.update(data)
        return hasher

    def note(self, name: str, length: int, first: bool) -> None:
        self.bytes[name] += length
        self.threads[name].add(threading.get_ident())
        if first and self._meeting is not None:
            try:
                self._meeting.wait(DEADLINE)
            except threading.BrokenBarrierError:
                self.failed = True


class _Watched:
    def __init__(self, hashing: Hashing, hasher: Any) -> None:
        self._hashing = hashing
        self._hasher = hasher
        self._first = True

    def update(self, data: Buffer) -> None:
        self._hashing.note(self._hasher.name, len(data), self._first)
        self._first = False
        self._hasher.update(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._hasher, name)
