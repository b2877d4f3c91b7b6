"""The last step: the image becomes active, the task succeeds and the lock is free, in one transaction."""

from typing import cast

from glimpse.imports import points
from glimpse.imports.run import ImportRun


def finish(run: ImportRun) -> None:
    """Remove what is left in staging, then publish what was delivered."""
    attributes = cast("dict[str, object]", run.state["delivered"])
    run.phases.finish("finish")
    # Everything is in the stores; so when the image is seen to be active, nothing of it is left here.
    points.remove_all(run)
    run.resources.catalog.imports.succeed(
        run.id,
        run.claim,
        attributes=attributes,
        message=f"Copied {cast(int, attributes['size']) >> 20} MiB",
        phases=run.phases.snapshot(),
    )
    run.ended = True
