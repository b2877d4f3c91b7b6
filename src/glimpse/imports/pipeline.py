"""The elements of a plan, joined: from the source to the bytes of the image as the user meant it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

from glimpse.imports.methods import METHODS
from glimpse.imports.progress import counted
from glimpse.imports.run import ImportRun
from glimpse.transfer.decompress import Limits, decompressor
from glimpse.transfer.decompress import unpack as find_and_unpack
from glimpse.transfer.extent import Buffer, Extent
from glimpse.transfer.plan import BY_MAGIC, Decompress
from glimpse.transfer.streams import prefetch
from glimpse.transfer.zeros import extents

# The phase in which unpacking shows its progress.
UNPACKING = "image_decompression"


def incoming(run: ImportRun, stack: ExitStack, phase: str) -> tuple[Iterator[Buffer], int | None]:
    """The source's bytes, unpacked where the plan says so, and how many they are where that is known.

    The source runs in a thread of its own and reports its progress as ``phase``; all is closed with ``stack``.
    """
    source = METHODS[run.record.method].open(run)
    stack.callback(source.close)
    reading = prefetch(
        counted(source.chunks(), run.phases, phase, source.size), closing=source.close, stop=run.stop
    )
    stack.callback(reading.close)
    unpack = run.plan.decompress
    if unpack is None:
        return reading, source.size
    return _unpacked(run, stack, reading, unpack, source.size)


def image_extents(run: ImportRun, stack: ExitStack) -> tuple[Iterator[Extent], int | None]:
    """The bytes of the image in order, for a plan that neither spools nor converts; and their number, where known."""
    chunks, size = incoming(run, stack, "acquire")
    return extents(chunks), size


def _unpacked(
    run: ImportRun, stack: ExitStack, chunks: Iterator[Buffer], unpack: Decompress, size: int | None
) -> tuple[Iterator[Buffer], int | None]:
    limits = Limits(max_bytes=run.resources.settings.default.image_size_cap)
    if unpack.name == BY_MAGIC:
        name, unpacked = find_and_unpack(chunks, limits=limits)
        if name is None:
            return unpacked, size
    else:
        unpacked = decompressor(unpack.name).decompress(chunks, limits=limits)
    reading = prefetch(counted(unpacked, run.phases, UNPACKING, None), stop=run.stop)
    stack.callback(reading.close)
    return reading, None
