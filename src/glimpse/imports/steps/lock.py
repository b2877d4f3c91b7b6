"""The first step: plan the import, and clear what a dead conductor has left in stores. Taken back, it ends the record."""

from collections.abc import Sequence

from glimpse.errors import GlimpseError
from glimpse.imports import points
from glimpse.imports.planning import draft
from glimpse.imports.plugins.base import Plugin
from glimpse.imports.run import Declared, ImportRun

# An import that was taken up this often without being handed back has most likely brought its conductors down itself.
MOST_ATTEMPTS = 5


class BringsDown(GlimpseError):
    """The conductors that tried this import have all died."""

    code = "brings-down"


def lock(run: ImportRun, plugins: Sequence[Plugin]) -> None:
    """Work out the plan once (the lock itself is the record, held by the claim).

    A record that was begun by another conductor may have objects in stores that no location row names: they are
    removed before anything is written.
    """
    if run.record.attempts > MOST_ATTEMPTS:
        raise BringsDown(
            f"{MOST_ATTEMPTS} conductors have died while they ran this import.",
            hint="Check the image on another machine, and the logs of the conductors.",
        )
    # Before anything is done that would have to be undone.
    run.unseal()
    if not run.planned:
        declared = Declared(*run.resources.catalog.imports.formats(run.id))
        run.adopt_plan(draft(run, declared, plugins), declared)
        # Those of a plan that cannot be followed here are no part of this one.
        run.note(files=[])
    if run.record.attempts > 1:
        clear_leftovers(run)


def clear_leftovers(run: ImportRun) -> None:
    """Remove objects of this image that are not its data from the stores that are still to be delivered to."""
    keep = {location.url for location in run.image().locations}
    for target in run.record.targets:
        if target.state != "committed":
            run.resources.stores.get(target.store).sweep(run.image_id, keep, claim=run.claim)


def unlock(run: ImportRun) -> None:
    """End the import as failed: the image is queued again, injected properties are as before, the lock is free."""
    failing = dict(run.failing or {})
    points.remove_all(run)
    run.resources.catalog.imports.fail(
        run.id,
        run.claim,
        error=failing,
        message=str(failing.get("message", "")),
        phases=run.phases.snapshot(),
    )
    run.ended = True
