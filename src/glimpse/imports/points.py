"""The files in which segments of a plan end: found again after a conductor's death, so that nothing is done twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from glimpse.imports.methods.glance_direct import GlanceDirect
from glimpse.imports.run import ImportRun


@dataclass(frozen=True, slots=True)
class FilePoint:
    """The complete file at the end of segment number ``segment``.

    It is not synced to the disk, so it is good on its ``host`` only, and until that host's next ``boot``.
    """

    segment: int
    host: str
    boot: str
    path: str
    length: int

    @property
    def exists(self) -> bool:
        """Whether the file is there, as long as it was."""
        path = Path(self.path)
        return path.is_file() and path.stat().st_size == self.length


def reached(run: ImportRun) -> int:
    """How many segments of the plan are done and need not be done again here."""
    return max((point.segment + 1 for point in _known(run) if _usable(point, run)), default=0)


def before(run: ImportRun, segment: int) -> Path | None:
    """The file with which this segment begins; None where it begins with a stream.

    Raises StagedDataLost when the staged file is not what was staged.
    """
    if segment > 0:
        return next(Path(p.path) for p in _known(run) if p.segment == segment - 1 and _usable(p, run))
    if run.plan.source.kind != "staged":
        return None
    with closing(GlanceDirect().open(run)) as source:
        return source.path


def added(run: ImportRun, segment: int, path: Path) -> list[dict[str, Any]]:
    """For the journal: the files, with ``path`` as the one at the end of ``segment``."""
    new = FilePoint(segment, run.resources.settings.host_id, boot(), str(path), path.stat().st_size)
    kept = (point for point in _known(run) if point.segment != segment and point.path != new.path)
    return [*(asdict(point) for point in kept), asdict(new)]


def without(run: ImportRun, path: Path) -> list[dict[str, Any]]:
    """For the journal: the files without this one, whose content is nobody's word from now on."""
    return [asdict(point) for point in _known(run) if point.path != str(path)]


def remove_all(run: ImportRun) -> None:
    """Remove everything that this import has, or had, in staging, and files that plugins put elsewhere."""
    run.resources.area.remove(run.image_id, claim=run.claim)
    for point in _known(run):
        if _of_this_boot(point, run):
            Path(point.path).unlink(missing_ok=True)


def boot() -> str:
    """This boot of this host."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _known(run: ImportRun) -> list[FilePoint]:
    noted = cast("Sequence[Mapping[str, Any]]", run.state.get("files", ()))
    return [FilePoint(**point) for point in noted]


def _usable(point: FilePoint, run: ImportRun) -> bool:
    return _of_this_boot(point, run) and point.exists


def _of_this_boot(point: FilePoint, run: ImportRun) -> bool:
    return (point.host, point.boot) == (run.resources.settings.host_id, boot())
