"""Finds out, while an image's bytes pass by, what format it is of and whether it is safe to keep.

The detectors are those of oslo.utils. They are spared the middle of the stream: all their marks stand in the first
MiB (a vhdx keeps its own within the first few), or at the very end (the footer of a vmdk or a vhd).
"""

import os
from collections.abc import Callable, Collection
from pathlib import Path

from oslo_utils.imageutils import format_inspector as oslo

from glimpse.transfer.disk.judge import Finding, InspectRules, Match, judge
from glimpse.transfer.extent import Buffer
from glimpse.transfer.protocols import Reader

__all__ = ["Finding", "InspectRules", "Inspector", "inspect_file", "inspect_object"]

# The furthest mark with a fixed limit is a vmdk descriptor: at 512, up to 1 MiB long. It must be handed over in one
# piece: oslo.utils judges a text descriptor by the first piece it sees, however short that is.
_HEAD = (1 << 20) + (64 << 10)
# A vhdx says where its metadata is. qemu and Hyper-V put it at 2 MiB; one that is not here is refused as incomplete.
_VHDX_LIMIT = 64 << 20
# The metadata's table is 64 KiB, its items come right after; oslo.utils misses items that share a piece with the table.
_VHDX_PIECE = 32 << 10
# A vmdk's footer: marker, header, end-of-stream marker.
_TAIL = 3 * 512
_ZEROS = bytes(1 << 20)

_SECTOR = 512
_VHD_MAGIC = b"conectix"
_VHD_FIXED = 2
_VHD_DIFFERENCING = 4


class Inspector:
    """Looks on as a stream passes, in order and without gaps, then says what it was.

    Costs one copy of the first MiB and about a microsecond for each later chunk. Used from one thread at a time.
    """

    def __init__(self, declared: str | None, rules: InspectRules) -> None:
        self._declared = declared
        self._rules = rules
        self._total = 0
        self._head: bytearray | None = bytearray()
        self._first = b""
        self._tail = b""
        self._detectors = {name: kind() for name, kind in oslo.ALL_FORMATS.items() if name != "raw"}
        self._vhdx_alive = True

    def feed(self, buf: Buffer) -> None:
        """The next bytes of the stream."""
        view = memoryview(buf)
        if self._head is not None:
            taken = view[: _HEAD - len(self._head)]
            self._head += taken
            self._count(taken)
            if len(self._head) < _HEAD:
                return
            self._show_head()
            view = view[len(taken) :]
        if self._vhdx_alive:
            self._show_vhdx(view)
        self._count(view)

    def feed_zeros(self, length: int) -> None:
        """The next ``length`` bytes of the stream are zero."""
        while length > 0 and self._looking:
            step = min(length, len(_ZEROS))
            self.feed(memoryview(_ZEROS)[:step])
            length -= step
        self._skip(length, _ZEROS[: min(length, _TAIL)])

    def finish(self) -> Finding:
        """What the stream was; called once, after its last byte."""
        if self._head is not None:
            self._show_head()
        after_head = min(self._total - _HEAD, _TAIL)
        if after_head > 0:
            _eat(self._detectors["vmdk"], self._tail[-after_head:])
        for detector in self._detectors.values():
            detector.finish()
        matches = [
            self._match(name, found)
            for name, found in self._detectors.items()
            if _matches(found, self._first)
        ]
        footer = self._tail[-_SECTOR:]
        fixed_vhd = footer.startswith(_VHD_MAGIC) and _vhd_type(footer) == _VHD_FIXED
        if fixed_vhd and not any(match.format == "vhd" for match in matches):
            virtual_size = _vhd_size(footer)
            failures = ["complete"] if self._total < virtual_size + _SECTOR else []
            matches.append(Match("vhd", virtual_size, lambda: failures, "fixed"))
        return judge(self._declared, matches, self._total, self._rules)

    @property
    def _looking(self) -> bool:
        """Whether the bytes that come next still matter, wherever in the stream they stand."""
        return self._head is not None or self._vhdx_alive

    def _count(self, view: memoryview) -> None:
        self._skip(len(view), bytes(view[-_TAIL:]))

    def _skip(self, length: int, end: bytes) -> None:
        """``length`` bytes pass of which only the last ones are known."""
        self._total += length
        self._tail = end if len(end) == _TAIL else (self._tail + end)[-_TAIL:]

    def _show_head(self) -> None:
        """Show the start of the stream, as one piece, to all detectors."""
        assert self._head is not None
        head, self._head = bytes(self._head), None
        self._first = head[: 64 << 10]
        for name, detector in self._detectors.items():
            if name == "vhdx":
                self._show_vhdx(memoryview(head))
            else:
                _eat(detector, head)

    def _show_vhdx(self, view: memoryview) -> None:
        vhdx = self._detectors["vhdx"]
        for start in range(0, len(view), _VHDX_PIECE):
            if not _eat(vhdx, bytes(view[start : start + _VHDX_PIECE])) or vhdx.complete:
                self._vhdx_alive = False
                return
        self._vhdx_alive = _matches(vhdx, self._first) and self._total < _VHDX_LIMIT

    def _match(self, name: str, detector: oslo.FileInspector) -> Match:
        subtype = ""
        if isinstance(detector, oslo.VMDKInspector):
            subtype = getattr(detector, "vmdktype", "")
        return Match(name, self._virtual_size(detector), lambda: self._failures(name, detector), subtype)

    def _virtual_size(self, detector: oslo.FileInspector) -> int | None:
        try:
            if isinstance(detector, oslo.LUKSInspector):
                return self._total - int(detector.header_items["payload_offset"]) * _SECTOR
            if isinstance(detector, oslo.VHDInspector):
                # oslo.utils takes the size that the disk was made with; it may have been resized since.
                return _vhd_size(self._first) or None
            return detector.virtual_size or None
        except Exception:  # a detector's stumbling over hostile bytes is shown by its safety check
            return None

    def _failures(self, name: str, detector: oslo.FileInspector) -> Collection[str]:
        """The names of the safety checks that fail."""
        failures: set[str] = set()
        try:
            detector.safety_check()
        except oslo.SafetyCheckFailed as failed:
            failures |= set(failed.failures)
        except Exception:  # incomplete, or bytes that the detector stumbles over
            failures.add("complete")
        # qemu opens a vmdk's parent disk by this line; oslo.utils takes it for an innocent field.
        if isinstance(detector, oslo.VMDKInspector) and "parentfilenamehint" in (detector.desc_text or ""):
            failures.add("backing_file")
        if name == "vhd" and _vhd_type(self._first) == _VHD_DIFFERENCING:
            failures.add("backing_file")
        return failures


def inspect_file(path: Path, declared: str | None, rules: InspectRules) -> Finding:
    """What the file at ``path`` is. Reads its first MiB (of a vhdx a few) and its last two sectors only."""
    with path.open("rb") as file:
        number = file.fileno()
        size = os.fstat(number).st_size
        return _inspect(lambda offset, length: os.pread(number, length, offset), size, declared, rules)


def inspect_object(reader: Reader, declared: str | None, rules: InspectRules) -> Finding:
    """What an object in a store is; reads as little of it as :func:`inspect_file` does of a file."""
    return _inspect(reader.read, reader.size, declared, rules)


def _inspect(
    read: Callable[[int, int], Buffer], size: int, declared: str | None, rules: InspectRules
) -> Finding:
    inspector = Inspector(declared, rules)
    at = 0
    while inspector._looking and at < size and (chunk := read(at, 1 << 20)):
        inspector.feed(chunk)
        at += len(chunk)
    if at < size:
        end = max(at, size - _TAIL)
        inspector._skip(size - at, bytes(read(end, size - end)))
    return inspector.finish()


def _eat(detector: oslo.FileInspector, data: bytes) -> bool:
    """Show a piece to a detector; False when it found that it cannot be its format."""
    try:
        detector.eat_chunk(data)
    except Exception:  # oslo.utils raises many kinds for bytes that are not its format
        return False
    return True


def _matches(detector: oslo.FileInspector, first: bytes) -> bool:
    try:
        return bool(detector.format_match)
    except AttributeError:
        # A text that is not ASCII throughout leaves the vmdk detector without an answer; qemu might still read it.
        return isinstance(detector, oslo.VMDKInspector) and b"createtype" in first.lower()


def _vhd_size(sector: bytes) -> int:
    """The present size of the disk."""
    return int.from_bytes(sector[48:56], "big")


def _vhd_type(sector: bytes) -> int:
    return int.from_bytes(sector[60:64], "big")
