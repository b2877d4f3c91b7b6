"""Runs the tasks of a plugin as TaskFlow runs them, and lets them revert when the import fails later.

Reverting needs an engine of its own: the import fails in another part of it, or in another process. It is told what
each task came to, as TaskFlow itself does when it resumes a flow, and that something behind them has failed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from taskflow import engines, states, task
from taskflow.patterns import linear_flow
from taskflow.types import failure

from glimpse.errors import ClaimLost, GlimpseError


class RevertFailed(GlimpseError):
    """A task has raised while it was reverting."""

    code = "revert-failed"


@dataclass
class Ran:
    """A plugin's ``flow`` with the values its tasks may ask for by name, and what became of each task.

    ``outcomes``: state and result (a Failure where it failed) of the tasks that have run, by their name.
    """

    flow: linear_flow.Flow
    symbols: dict[str, Any]
    outcomes: dict[str, tuple[str, Any]] = field(default_factory=dict)


def tasks_of(flow: linear_flow.Flow) -> list[Any]:
    """All tasks of a flow and of the flows in it, in order."""
    found: list[Any] = []
    for node, _ in flow.iter_nodes():
        found += tasks_of(node) if hasattr(node, "iter_nodes") else [node]
    return found


def execute(ran: Ran) -> None:
    """Run the flow to its end or to the first task that raises, whose error this raises. Nothing is reverted.

    Afterwards ``ran`` knows the outcomes, and its symbols are those behind the last task.
    """
    # The failure must be in the journal before anything is reverted.
    engine = engines.load(ran.flow, engine="serial", store=ran.symbols, never_resolve=True)
    try:
        engine.run()
    finally:
        if engine.storage is not None:
            _remember(ran, engine.storage)


def take_back(ran: Ran, error: str) -> None:
    """Revert the tasks that have run, the last first. Raises RevertFailed, and ClaimLost."""
    whole = linear_flow.Flow(f"{ran.flow.name}-reverting")
    whole.add(ran.flow, _Behind())
    engine = engines.load(whole, engine="serial", store=ran.symbols)
    engine.compile()
    engine.prepare()
    for name, (state, result) in ran.outcomes.items():
        engine.storage.save(name, result, state)
    failed = failure.Failure.from_exception(ImportFailed(error))
    engine.storage.save(_Behind.NAME, failed, states.FAILURE)
    try:
        engine.run()
    except Exception as raised:
        # TaskFlow ends a flow that was reverted as it should by raising why.
        if engine.storage.get_flow_state() == states.REVERTED:
            return
        raise _why(engine.storage.get_revert_failures().values(), raised) from raised


class ImportFailed(Exception):
    """The import, not the plugin, has failed; what tasks see in ``flow_failures``."""


class _Behind(task.Task):  # type: ignore[misc]
    """Stands for the rest of the import, which has failed."""

    NAME = "the-import"

    def __init__(self) -> None:
        super().__init__(name=self.NAME)

    def execute(self) -> None:
        """Never called: its failure is written down before the engine runs."""


def _remember(ran: Ran, storage: Any) -> None:
    known = storage.get_atoms_states([each.name for each in tasks_of(ran.flow)])
    for each in tasks_of(ran.flow):
        state = known[each.name][0]
        if state not in (states.SUCCESS, states.FAILURE):
            continue
        result = storage.get(each.name)
        ran.outcomes[each.name] = (state, result)
        if state == states.SUCCESS:
            for name, index in each.save_as.items():
                ran.symbols[name] = result if index is None else result[index]


def _why(failures: Iterable[failure.Failure], raised: Exception) -> Exception:
    for each in failures:
        if isinstance(each.exception, ClaimLost):
            return each.exception
        return RevertFailed(each.exception_str)
    return raised
