"""A real conductor that kills itself with SIGKILL at a given point of an import.

``python dying_conductor.py POINT SOURCE``: SOURCE is a JSON object for config.load, POINT one of ``before:STEP`` and
``after:STEP`` (around a step of the flow), ``undo:STEP`` (before a step is taken back), ``inside:STEP`` (after its first
bytes), ``call:METHOD`` and ``called:METHOD`` (before and after that method of the imports' repositories; with ``#N``,
its Nth call), or ``never:``.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from glimpse import config
from glimpse.catalog.imports import Imports
from glimpse.catalog.registrations import Registrations
from glimpse.imports import flow, process
from glimpse.imports.progress import Phases


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def around(owner: type, name: str, matches: Callable[..., bool], *, before: bool) -> None:
    """Make the process die before or after ``owner.name`` when its arguments match."""
    original: Callable[..., Any] = getattr(owner, name)

    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        if before and matches(self, *args):
            die()
        result = original(self, *args, **kwargs)
        if not before and matches(self, *args):
            die()
        return result

    setattr(owner, name, wrapper)


def arm(point: str) -> None:
    kind, _, what = point.partition(":")
    if kind in ("before", "after"):
        around(flow.Step, "execute", lambda step: bool(step.name == what), before=kind == "before")
    elif kind == "undo":
        around(flow.Step, "revert", lambda step, *_: bool(step.name == what), before=True)
    elif kind == "inside":
        around(Phases, "report", lambda _, phase, done, total: phase == what and done > 0, before=False)
    elif kind in ("call", "called"):
        method, _, number = what.partition("#")
        owner = Imports if hasattr(Imports, method) else Registrations
        calls = count(1)
        around(owner, method, lambda *_: next(calls) == int(number or 1), before=kind == "call")
    elif kind != "never":
        raise SystemExit(f"unknown point {point}")


if __name__ == "__main__":
    arm(sys.argv[1])
    source = json.loads(sys.argv[2])
    process.run(
        config.load(
            [Path(f) for f in source["files"]], data=Path(source["data"]), overrides=source["overrides"]
        )
    )
