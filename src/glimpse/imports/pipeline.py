"""The elements of a segment, joined: from its source or file to the bytes that are spooled or delivered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from glimpse.imports.draft import ARCHIVES
from glimpse.imports.inspection import rules
from glimpse.imports.methods import METHODS
from glimpse.imports.progress import counted, counted_extents
from glimpse.imports.run import Declared, ImportRun
from glimpse.transfer.decompress import Limits
from glimpse.transfer.disk.convert import ConvertLimits, convert_to_raw
from glimpse.transfer.extent import Buffer, Extent
from glimpse.transfer.plan import Convert, Segment
from glimpse.transfer.sources.file import FileSource
from glimpse.transfer.streams import prefetch
from glimpse.transfer.unpack import unpack
from glimpse.transfer.zeros import extents, refine

# The phases in which unpacking and converting show their progress.
UNPACKING = "image_decompression"
CONVERTING = "image_conversion"


@dataclass(frozen=True, slots=True)
class Flow:
    """What comes out: ``extents`` to be read once; of how many bytes, where that is known.

    ``virtual_size`` is known of what was converted.
    """

    extents: Iterator[Extent]
    size: int | None
    virtual_size: int | None = None


def flow(run: ImportRun, stack: ExitStack, segment: Segment, file: Path | None) -> Flow:
    """The bytes of ``segment``, which begins with ``file`` or, without one, with the plan's source.

    Everything that works for it is closed with ``stack``.
    """
    if segment.convert is not None and file is not None:
        return _converted(run, stack, segment.convert, file)
    chunks, size = _incoming(run, stack) if file is None or segment.source else _reading(run, stack, file)
    if segment.unpack is not None:
        chunks, size = _unpacked(run, stack, chunks, size, file)
    return Flow(extents(chunks), size)


def convert_limits(run: ImportRun) -> ConvertLimits:
    """What a conversion may use."""
    settings = run.resources.settings
    return ConvertLimits(
        max_virtual_size=run.size_cap,
        max_sparse_bytes=settings.image_conversion.max_sparse_bytes,
    )


def _incoming(run: ImportRun, stack: ExitStack) -> tuple[Iterator[Buffer], int | None]:
    """The source's bytes. It runs in a thread of its own."""
    run.phases.start("acquire")
    source = METHODS[run.record.method].open(run)
    stack.callback(source.close)
    reading = prefetch(
        counted(source.chunks(), run.phases, "acquire", source.size), closing=source.close, stop=run.stop
    )
    stack.callback(reading.close)
    return reading, source.size


def _reading(run: ImportRun, stack: ExitStack, file: Path) -> tuple[Iterator[Buffer], int | None]:
    source = FileSource(file)
    stack.callback(source.close)
    reading = prefetch(source.chunks(), closing=source.close, stop=run.stop)
    stack.callback(reading.close)
    return reading, source.size


def _unpacked(
    run: ImportRun, stack: ExitStack, chunks: Iterator[Buffer], size: int | None, file: Path | None
) -> tuple[Iterator[Buffer], int | None]:
    settings = run.resources.settings
    unpacked = unpack(
        chunks,
        spool_path=lambda: run.resources.area.spool_path(run.image_id, run.claim, "packed"),
        limits=Limits(max_bytes=run.size_cap, max_ratio=settings.glimpse.max_expansion_ratio or None),
        file=file,
        stop=run.stop,
    )
    if not unpacked.layers:
        return unpacked.chunks, size
    if unpacked.member is not None and run.declared.container_format in ARCHIVES:
        run.declare(Declared(run.declared.disk_format, "bare"))
    reading = prefetch(counted(unpacked.chunks, run.phases, UNPACKING, None), stop=run.stop)
    stack.callback(reading.close)
    return reading, None


def _converted(run: ImportRun, stack: ExitStack, convert: Convert, file: Path) -> Flow:
    view = stack.enter_context(
        convert_to_raw(
            file,
            convert.source,
            limits=convert_limits(run),
            stop=run.stop,
            rules=rules(run.resources.settings),
        )
    )
    size = view.virtual_size
    moving = refine(counted_extents(view.extents(), run.phases, CONVERTING, size))
    return Flow(moving, size, size)
