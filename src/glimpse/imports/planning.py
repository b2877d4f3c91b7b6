"""What an import will do with the bytes: the method names the source, each plugin adds its part."""

from collections.abc import Collection, Sequence

from glimpse.catalog.records import StagedFile
from glimpse.imports.draft import Draft
from glimpse.imports.methods import METHODS
from glimpse.imports.plugins.base import Plugin
from glimpse.imports.run import Declared, ImportRun
from glimpse.transfer.plan import BY_MAGIC, Plan, Planner

# The Image API's ``checksum`` is always md5.
CHECKSUM = "md5"


def algorithms(hashing_algorithm: str) -> tuple[str, ...]:
    """The digests that every image gets."""
    return (CHECKSUM,) if hashing_algorithm == CHECKSUM else (CHECKSUM, hashing_algorithm)


def draft(run: ImportRun, declared: Declared, plugins: Sequence[Plugin]) -> Plan:
    """The plan for an import that is about to begin. Raises what a plugin has against the image."""
    needed = algorithms(run.resources.settings.default.hashing_algorithm)
    source = METHODS[run.record.method].source
    if source == "staged":
        staged = run.resources.catalog.staged.get(run.image_id)
        planner = staged_planner(staged, needed)
    else:
        planner = Planner(source, algorithms=needed)
    return _contributed(Draft(planner, declared.disk_format, declared.container_format), plugins)


def staged_planner(staged: StagedFile | None, needed: Collection[str]) -> Planner:
    """A planner that begins with a staged file and knows what was found while it came in."""
    if staged is None:
        return Planner("staged", file=True, wrapper=BY_MAGIC, algorithms=needed)
    return Planner("staged", file=True, wrapper=staged.wrapper, digests=staged.digests, algorithms=needed)


def adoptable(
    plugins: Sequence[Plugin], disk_format: str | None, container_format: str | None, wrapper: str | None
) -> bool:
    """Whether data that is being staged can become the image as it is, so that hashing it now pays.

    ``wrapper`` is what its first bytes say about compression. A format that is not known yet may turn out to need
    nothing.
    """
    planner = Planner("staged", file=True, wrapper=wrapper, digests={CHECKSUM: ""}, algorithms=(CHECKSUM,))
    if disk_format is None and wrapper is None:
        return True
    return _contributed(Draft(planner, disk_format, container_format), plugins).adopt


def _contributed(draft: Draft, plugins: Sequence[Plugin]) -> Plan:
    for plugin in plugins:
        plugin.contribute(draft)
    return draft.planner.plan()
