"""Segments of a plan that end in a file in staging, each run at most once."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from glimpse.imports import points
from glimpse.imports.inspection import rules
from glimpse.imports.pipeline import CONVERTING, UNPACKING, convert_limits, flow
from glimpse.imports.run import Declared, ImportRun
from glimpse.transfer.disk.convert_file import convert_to_file
from glimpse.transfer.plan import Convert, Segment
from glimpse.transfer.spool import spool


def bring(run: ImportRun, until: int) -> Path | None:
    """Run what is missing of the segments before number ``until``; the file with which that one begins.

    None where it begins with a stream. Raises what the source, unpacking and converting raise, and NoSpace.
    """
    for number in range(points.reached(run), until):
        _run(run, number, run.plan.segments[number])
    return points.before(run, until)


def _run(run: ImportRun, number: int, segment: Segment) -> None:
    run.stage = "acquire" if segment.source is not None else CONVERTING if segment.convert else UNPACKING
    if segment.source is not None:
        run.phases.start("acquire")
    file = points.before(run, number)
    if segment.spools:
        result = _spooled(run, number, segment, file)
    else:
        assert file is not None
        assert segment.convert is not None
        result = _converted(run, number, segment.convert, file)
    if segment.source is not None:
        run.phases.finish("acquire")
    if segment.unpack is not None:
        run.phases.finish(UNPACKING)
    if segment.convert is not None:
        run.phases.finish(CONVERTING)
        run.declare(Declared(segment.convert.target, "bare"))
    run.stage = None
    run.journal(files=points.added(run, number, result))
    if (
        segment.convert is not None
        and number > 0
        and run.plan.segments[number - 1].spools
        and file is not None
    ):
        # Only this segment wanted it, and there may not be room for both and what is still to come.
        file.unlink(missing_ok=True)


def _spooled(run: ImportRun, number: int, segment: Segment, file: Path | None) -> Path:
    path = run.resources.area.spool_path(run.image_id, run.claim, f"spool{number or ''}")
    with ExitStack() as stack:
        moving = flow(run, stack, segment, file)
        spool(
            moving.extents,
            path,
            stop=run.stop,
            total=moving.size,
            size_cap=run.size_cap,
        )
    return path


def _converted(run: ImportRun, number: int, convert: Convert, file: Path) -> Path:
    path = run.resources.area.spool_path(run.image_id, run.claim, f"{convert.target}{number or ''}")
    run.stage = CONVERTING
    run.phases.start(CONVERTING)
    convert_to_file(
        file,
        convert.source,
        convert.target,
        path,
        limits=convert_limits(run),
        rules=rules(run.resources.settings),
        progress=run.phases,
        phase=CONVERTING,
        stop=run.stop,
    )
    return path
