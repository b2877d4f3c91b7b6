"""What the journal remembers of third-party plugins: which began, which ended and with what results."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import cast

from taskflow import states
from taskflow.patterns import linear_flow
from taskflow.types import failure

from glimpse.access import redact
from glimpse.imports.plugins.thirdparty.tasks import Ran, tasks_of
from glimpse.imports.run import ImportRun

Stand = Mapping[str, Mapping[str, object]]


def of(run: ImportRun, name: str) -> Mapping[str, object] | None:
    """What is known of this plugin's turn; None when it never began."""
    return _all(run).get(name)


def begun(run: ImportRun, name: str) -> Stand:
    """The facts once the plugin has begun, for the journal."""
    return {**_all(run), name: {"done": False}}


def done(run: ImportRun, name: str, ran: Ran) -> Stand:
    """The facts once it has ended. Results that JSON cannot hold, and those with secrets, are remembered as None."""
    results = {task: _plain(result) for task, (_, result) in ran.outcomes.items()}
    symbols = {key: value for key, value in ran.symbols.items() if _plain(value) is not None}
    return {**_all(run), name: {"done": True, "results": results, "symbols": symbols}}


def symbols(run: ImportRun) -> dict[str, object]:
    """What the plugins that have ended provide by name to those after them."""
    provided: dict[str, object] = {}
    for stands in _all(run).values():
        provided |= cast("Mapping[str, object]", stands.get("symbols", {}))
    return provided


def broken(run: ImportRun) -> str | None:
    """The plugin during whose turn a conductor has died."""
    return next((name for name, stands in _all(run).items() if not stands["done"]), None)


def restored(stands: Mapping[str, object], flow: linear_flow.Flow, error: str) -> Ran:
    """The turn of a plugin that another conductor gave it, for its revert.

    Where that conductor died during it, its tasks learn that they have failed. Values that nobody remembers are None.
    """
    unknown = dict.fromkeys(flow.requires)
    if not stands["done"]:
        failed = failure.Failure.from_exception(RuntimeError(error))
        return Ran(flow, unknown, {task.name: (states.FAILURE, failed) for task in tasks_of(flow)})
    results = cast("Mapping[str, object]", stands["results"])
    known = unknown | dict(cast("Mapping[str, object]", stands["symbols"]))
    return Ran(flow, known, {task.name: (states.SUCCESS, results.get(task.name)) for task in tasks_of(flow)})


def _all(run: ImportRun) -> Stand:
    return cast(Stand, run.state.get("plugins", {}))


def _plain(value: object) -> object:
    try:
        text = json.dumps(value)
    except (TypeError, ValueError):
        return None
    return value if redact.without_known(text) == text else None
