"""One GET of a remote object, from a given byte on."""

import re
from email.message import Message
from typing import Any

from glimpse.stores.errors import ObjectGone
from glimpse.transfer.sources.failures import SourceRefused, SourceUnavailable
from glimpse.transfer.sources.http import HttpSource
from glimpse.transfer.sources.uri import Target, masked

_PART = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})")
# Of a file without a single byte no range can be given.
_NOTHING = re.compile(r"bytes \*/0")
_GONE = frozenset({404, 410})


class NoRanges(SourceRefused):
    """The server sends its object only from the beginning."""

    code = "no-ranges"


class Changed(SourceUnavailable):
    """The object is no longer what it was when it was opened."""

    code = "changed"
    retryable = False


class Remote(HttpSource):
    """An object of a web server from ``start`` on: asked for as a range, also from the beginning, since the answer
    then tells size and capability at once.

    ``validator`` is what an earlier answer gave: the server then sends the same object or says that it is another.
    """

    def __init__(self, uri: str, start: int, validator: str | None, **how: Any) -> None:
        super().__init__(uri, **how)
        self._start = start
        self._asked_for = validator
        self._total: int | None = None
        self.ranges = False
        """Whether the server sends parts."""
        self.validator: str | None = None
        """What tells this object from a later one in its place, where the server gives such a thing."""

    @property
    def total(self) -> int:
        """Length of the whole object in bytes. Raises SourceRefused where the server does not say."""
        self.open()
        if self._total is None:
            raise SourceRefused(f"{masked(self._uri)} does not say how long the object is.")
        return self._total

    def _request(self, target: Target, authorization: str | None) -> bytes:
        lines = [f"Range: bytes={self._start}-"]
        if self._asked_for is not None:
            lines.append(f"If-Range: {self._asked_for}")
        head = super()._request(target, authorization)
        return head.removesuffix(b"\r\n") + "\r\n".join([*lines, "", ""]).encode("latin-1")

    def _accept(self, target: Target, status: int, headers: Message) -> None:
        if status in _GONE:
            raise ObjectGone(f"HTTP {status} from {target.shown}.")
        if status == 416 and _NOTHING.fullmatch(headers.get("Content-Range", "")):
            raise SourceRefused(f"{target.shown} has no data.", status=status)
        if status != 206:
            super()._accept(target, status, headers)
            if self._start and self._asked_for is not None:
                raise Changed(f"{target.shown} has changed since it was opened.", status=status)
            if self._start:
                raise NoRanges(f"{target.shown} cannot be read from the middle.", status=status)
            self._total = self._size
        else:
            part = _PART.fullmatch(headers.get("Content-Range", ""))
            if part is None or int(part[1]) != self._start or int(part[2]) + 1 != int(part[3]):
                raise SourceRefused(
                    f"{target.shown} sent {headers.get('Content-Range', 'no Content-Range')[:80]!r}, "
                    f"but everything from byte {self._start} was asked for.",
                    status=status,
                )
            super()._accept(target, 200, headers)
            self._total = int(part[3])
            self.ranges = True
        self.validator = _validator(headers)


def _validator(headers: Message) -> str | None:
    """The strong entity tag, or else the time of the last change."""
    tag = headers.get("ETag", "").strip()
    if tag.startswith('"') and tag.isascii() and tag.isprintable():
        return tag
    changed = headers.get("Last-Modified", "").strip()
    return changed if changed.isascii() and changed.isprintable() and changed else None
