"""The second step: bring the bytes to where the rest of the plan can use them.

It makes the files that come before the first third-party plugin, or before the last segment of the plan. Where there
are none, the bytes flow from their source in the deliver step.
"""

from glimpse.imports import points
from glimpse.imports.run import ImportRun
from glimpse.imports.segments import bring, first_turn


def acquire(run: ImportRun) -> None:
    """Make the files, except what a former attempt on this host has made; none where the bytes are in a store."""
    until = first_turn(run)
    if until > 0 and run.waiting and run.delivered is None:
        bring(run, until)


def discard(run: ImportRun) -> None:
    """Remove what was brought: spools, the staged file and their unfinished parts."""
    points.remove_all(run)
