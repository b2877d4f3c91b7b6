"""Writes a disk image in another format into a file, with a confined ``qemu-img``."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from glimpse.errors import GlimpseError, Invalid, NoSpace
from glimpse.transfer import confine
from glimpse.transfer.confine import Output
from glimpse.transfer.disk.convert import ConvertLimits, check_source
from glimpse.transfer.disk.drivers import QEMU_NAMES, opened
from glimpse.transfer.disk.inspect import InspectRules, inspect_file
from glimpse.transfer.disk.qemu_img import run_qemu_img
from glimpse.transfer.faults import explain
from glimpse.transfer.protocols import Progress, Stop
from glimpse.transfer.stop import NEVER, SILENT

# How each target is written. qcow2: what every hypervisor of the last ten years reads. vhd: grows with its data (a fixed
# one is as large as its disk), and force_size keeps the size of the disk, which qemu else rounds up to a geometry.
_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "qcow2": ("-o", "compat=1.1"),
    "vdi": (),
    "vhd": ("-o", "subformat=dynamic,force_size=on"),
}
# Kinds of vmdk that are one file, best first: streamOptimized costs 20 times the processor time, for packing.
_VMDK_TYPES = ("monolithicSparse", "streamOptimized")

# "    (12.34/100%)"
_PERCENT = re.compile(rb"\((\d{1,3}\.\d\d)/100%\)")
_LONGEST = 16

TARGETS = frozenset({*_OPTIONS, "vmdk"})


class WrongResult(GlimpseError):
    """What the conversion made is not what was asked for."""

    code = "wrong-result"


@dataclass(frozen=True, slots=True)
class Converted:
    """What came of a conversion: bytes of the disk, and bytes of the file that holds it."""

    virtual_size: int
    length: int


def convert_to_file(
    path: Path,
    source_format: str,
    target_format: str,
    output: Path,
    *,
    limits: ConvertLimits,
    rules: InspectRules,
    progress: Progress = SILENT,
    phase: str = "image_conversion",
    stop: Stop = NEVER,
    confinement: confine.Confinement | None = None,
) -> Converted:
    """Write the disk of the image file ``path`` to the file ``output``, as ``target_format``.

    Formats are named as an image's ``disk_format`` (``vpc`` is ``vhd``). ``output`` appears only when it is complete and
    was found to be of its format and safe by ``rules``; after any error nothing is left. The disk's size is rounded up
    to 512 bytes. Not synced to disk.

    8 reads go on at once (qemu's own default), writes happen in their order. Out-of-order writes and 16 reads were
    measured for all four targets from plain and compressed qcow2 with 0.75 GiB of data: no faster, and the file is laid
    out at random.

    Raises Invalid for a format that cannot be read or written, UnsafeImage and TooLarge (before anything is written),
    NoSpace (as early, where it can be known), UnreadableImage, ReaderDied, ToolMissing, and what ``stop`` raises (within
    a second).
    """
    target = "vhd" if target_format == "vpc" else target_format
    options = _options(target, rules)
    where = confinement if confinement is not None else confine.default()
    source = check_source(path, source_format, limits, rules, stop=stop, confinement=where, also=("raw",))
    size = source.size
    if size == 0 and target == "vmdk":
        raise Invalid("an empty disk cannot be converted to vmdk", hint="check that the image is complete")
    name = QEMU_NAMES.get(source_format, source_format)
    part = output.absolute().with_name(output.name + ".part")
    try:
        _check_room(output.parent, source_format, source.data)
        _create(part)
        run_qemu_img(
            ["convert", "-p", "-O", QEMU_NAMES[target], *options, *opened(path, name), Output(part)],
            _Percent(progress, phase, size).hear,
            source_format=source_format,
            limits=limits.of_child(size, file_size=largest(size)),
            stall=limits.stall_seconds,
            confinement=where,
            stop=stop,
        )
        converted = _checked(part, target, size, rules)
        part.rename(output)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise explain(error, f"writing to {output.parent}") from error
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return converted


class _Percent:
    """Takes in what ``qemu-img -p`` says: the same line again and again, for each percent."""

    def __init__(self, progress: Progress, phase: str, size: int) -> None:
        self._progress = progress
        self._phase = phase
        self._size = size
        self._rest = b""

    def hear(self, data: bytes) -> None:
        """The next bytes of it."""
        self._rest += data
        if found := _PERCENT.findall(self._rest):
            done = int(self._size * min(100.0, float(found[-1])) / 100)
            self._progress.report(self._phase, done, self._size)
        self._rest = self._rest[-_LONGEST:]


def vmdk_type(rules: InspectRules) -> str | None:
    """The kind of vmdk that is written: one that ``rules`` let in; None where they let in none that can be."""
    allowed = {name.lower() for name in rules.vmdk_allowed_types}
    return next((name for name in _VMDK_TYPES if name.lower() in allowed), None)


def largest(size: int) -> int:
    """The most bytes that any format needs for a disk of ``size`` bytes.

    A disk full of noise takes 0.9 % more as streamOptimized vmdk, less in all others; an empty one of 2000 GiB takes
    251 MiB as vmdk, an empty one of 0 bytes 192 KiB as qcow2.
    """
    return size + size // 32 + (16 << 20)


def _options(target: str, rules: InspectRules) -> tuple[str, ...]:
    if target != "vmdk":
        if target not in _OPTIONS:
            raise Invalid(
                f"images cannot be converted to {target}", hint=f"possible: {', '.join(sorted(TARGETS))}"
            )
        return _OPTIONS[target]
    kind = vmdk_type(rules)
    if kind is None:
        raise Invalid(
            "images cannot be converted to vmdk: [image_format] vmdk_allowed_types allows none that is one file",
            hint=f"allow one of {', '.join(_VMDK_TYPES)}",
        )
    return ("-o", f"subformat={kind}")


def _check_room(directory: Path, source_format: str, needed: int) -> None:
    """Raise NoSpace where ``needed`` bytes do not fit. Others may fill the disk later all the same."""
    status = os.statvfs(directory)
    free = status.f_bavail * status.f_frsize
    if needed > free:
        raise NoSpace(
            f"there is no space left to convert the {source_format} image: "
            f"it has {needed} bytes of data, and {free} are free",
            hint="free some, or place staging elsewhere",
        )


def _create(part: Path) -> None:
    """A new, empty file: one that a dead process has left may still be open somewhere."""
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _checked(part: Path, target: str, size: int, rules: InspectRules) -> Converted:
    """What was made, judged like anything that comes in."""
    finding = inspect_file(part, target, replace(rules, require_format_match=True))
    finding.raise_if_refused()
    expected = -(-size // 512) * 512
    found = finding.virtual_size or 0
    if found != expected:
        raise WrongResult(f"the converted {target} image has a disk of {found} bytes instead of {expected}")
    return Converted(found, part.stat().st_size)
