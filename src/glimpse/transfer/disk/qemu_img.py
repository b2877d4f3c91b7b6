"""A confined ``qemu-img``, watched until it ends."""

import os
import select
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from glimpse.transfer.child import Child
from glimpse.transfer.confine import Argument, ChildLimits, Confinement, Output, spawn
from glimpse.transfer.disk.failures import UnreadableImage, ended
from glimpse.transfer.protocols import Stop
from glimpse.transfer.stop import POLL

_PIECE = 64 << 10


def run_qemu_img(
    arguments: Sequence[Argument],
    hear: Callable[[bytes], object],
    *,
    source_format: str,
    limits: ChildLimits,
    stall: float,
    confinement: Confinement,
    stop: Stop,
) -> None:
    """Run ``qemu-img`` on a ``source_format`` image, and give what it says to ``hear`` as it comes.

    ``stall`` are the seconds that it may neither say anything, nor write, nor compute. Raises what
    :func:`glimpse.transfer.disk.failures.ended` gives, and what ``hear`` and ``stop`` raise; it runs no more then.
    """
    outputs = [argument.path for argument in arguments if isinstance(argument, Output)]
    reading, writing = os.pipe2(os.O_CLOEXEC)
    try:
        try:
            child = spawn(["qemu-img", *arguments], confinement=confinement, limits=limits, stdout=writing)
        finally:
            os.close(writing)
        try:
            _listen(child, reading, hear, outputs, stall, stop, source_format)
            status = _status(child, stall)
            if status != 0:
                raise ended(source_format, status, child.errors().replace("qemu-img: ", ""))
        finally:
            child.stop()
    finally:
        os.close(reading)


def _listen(
    child: Child,
    reading: int,
    hear: Callable[[bytes], object],
    outputs: Sequence[Path],
    stall: float,
    stop: Stop,
    source_format: str,
) -> None:
    """Until it has said all."""
    heard = 0
    seen: object = None
    deadline = time.monotonic() + stall
    while True:
        stop.check()
        if select.select([reading], [], [], POLL)[0]:
            data = os.read(reading, _PIECE)
            if not data:
                return
            hear(data)
            heard += len(data)
            continue
        # It has been silent for a moment: does it work?
        now = time.monotonic()
        signs = (heard, _processor_time(child), [path.stat().st_blocks for path in outputs])
        if signs != seen:
            seen, deadline = signs, now + stall
        elif now > deadline:
            raise UnreadableImage(
                f"the work on the {source_format} image made no progress for {stall:.0f} seconds"
            )


def _status(child: Child, seconds: float) -> int:
    try:
        return child.wait(seconds)
    except subprocess.TimeoutExpired:
        return 1


def _processor_time(child: Child) -> tuple[str, ...]:
    """What the child has taken so far, in the kernel's units."""
    try:
        stat = Path(f"/proc/{child.members()[0]}/stat").read_text()
    except OSError:
        return ()
    return tuple(stat.rpartition(")")[2].split()[11:13])
