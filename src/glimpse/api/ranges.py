"""Which bytes of an image a client asks for."""

import re
from dataclasses import dataclass

from glimpse.api.errors import HttpError
from glimpse.errors import Invalid

_RANGE = re.compile(r"(\d{0,19})\s*-\s*(\d{0,19})")
_LEGACY = re.compile(r"bytes\s+(\d{1,19})-(\d{1,19})/(?:\d{1,19}|\*)")


@dataclass(frozen=True, slots=True)
class Part:
    """``length`` bytes from ``start`` of an object of ``total`` bytes."""

    start: int
    length: int
    total: int

    @property
    def content_range(self) -> str:
        """The value of the answer's ``Content-Range`` header."""
        return f"bytes {self.start}-{self.start + self.length - 1}/{self.total}"


def requested(range_header: str | None, content_range: str | None, total: int) -> Part | None:
    """The part asked for by ``Range``, or by the request header ``Content-Range`` as old clients do; None:
    all of it.

    Raises Invalid (400) for several ranges, and 416 for a range that is malformed or begins behind the end.
    """
    if range_header is not None:
        return _from_range(range_header, total)
    if content_range is not None:
        legacy = _LEGACY.fullmatch(content_range.strip())
        if legacy is None:
            raise _unsatisfiable(content_range)
        return _clamped(int(legacy[1]), int(legacy[2]), total, content_range)
    return None


def _from_range(header: str, total: int) -> Part:
    unit, equals, wanted = header.strip().partition("=")
    if not equals or unit.strip().lower() != "bytes":
        raise _unsatisfiable(header)
    if "," in wanted:
        raise Invalid("Only one range of bytes can be asked for at a time.")
    match = _RANGE.fullmatch(wanted.strip())
    if match is None or not (match[1] or match[2]):
        raise _unsatisfiable(header)
    if not match[1]:
        length = min(int(match[2]), total)
        return _clamped(total - length, total - 1, total, header)
    return _clamped(int(match[1]), int(match[2]) if match[2] else total - 1, total, header)


def _clamped(start: int, last: int, total: int, header: str) -> Part:
    if start >= total or last < start:
        raise _unsatisfiable(header)
    return Part(start, min(last, total - 1) - start + 1, total)


def _unsatisfiable(header: str) -> HttpError:
    return HttpError(416, f"This range cannot be served: {header[:100]}")
