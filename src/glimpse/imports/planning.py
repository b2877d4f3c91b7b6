"""What an import will do with the bytes: the method names the source, each plugin adds its part."""

from collections.abc import Collection, Sequence

from glimpse.catalog.records import StagedFile
from glimpse.imports.draft import Draft
from glimpse.imports.methods import METHODS
from glimpse.imports.plugins.base import Plugin
from glimpse.imports.run import Declared, ImportRun
from glimpse.transfer.plan import Element, Plan, Planner

# The Image API's ``checksum`` is always md5.
CHECKSUM = "md5"


def algorithms(hashing_algorithm: str) -> tuple[str, ...]:
    """The digests that every image gets."""
    return (CHECKSUM,) if hashing_algorithm == CHECKSUM else (CHECKSUM, hashing_algorithm)


def draft(run: ImportRun, declared: Declared, plugins: Sequence[Plugin]) -> Plan:
    """The plan for an import that is about to begin. Raises what a plugin has against the image."""
    needed = algorithms(run.resources.settings.default.hashing_algorithm)
    source = METHODS[run.record.method].source
    planner = staged_planner(run.staged(), needed) if source == "staged" else Planner(source)
    return _contributed(Draft(planner, declared.disk_format, declared.container_format), plugins)


def continued(done: Sequence[Element], declared: Declared, rest: Sequence[Plugin]) -> Plan:
    """The plan after a plugin has changed what the bytes are ``declared`` to be: the ``rest`` has its say again.

    ``done`` are the elements up to and including that plugin's.
    """
    return _contributed(Draft(Planner.after(done), declared.disk_format, declared.container_format), rest)


def staged_planner(staged: StagedFile | None, needed: Collection[str]) -> Planner:
    """A planner that begins with a staged file and knows what was found while it came in."""
    if staged is None:
        return Planner("staged", file=True, algorithms=needed)
    packed = staged.wrapper is not None
    return Planner("staged", file=True, packed=packed, digests=staged.digests, algorithms=needed)


def adoptable(
    plugins: Sequence[Plugin], disk_format: str | None, container_format: str | None, wrapper: str | None
) -> bool:
    """Whether data that is being staged can become the image as it is, so that hashing it now pays.

    ``wrapper`` is what its first bytes say about compression. A format that is not known yet may turn out to need
    nothing.
    """
    packed = wrapper is not None
    planner = Planner("staged", file=True, packed=packed, digests={CHECKSUM: ""}, algorithms=(CHECKSUM,))
    if disk_format is None and not packed:
        return True
    return _contributed(Draft(planner, disk_format, container_format), plugins).adopt


def _contributed(draft: Draft, plugins: Sequence[Plugin]) -> Plan:
    for plugin in plugins:
        plugin.contribute(draft)
    return draft.planner.plan()
