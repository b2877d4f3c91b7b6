"""What happens to an import, from top to bottom.

A few steps, each a plain function that asks the journal whether its work is done, does what is missing and writes that
down; so the flow can be run again from its start, on any conductor, after any death. When one raises, the error is
written into the journal first and then the steps are taken back in reverse order; a conductor that dies meanwhile is
followed by one that goes on taking back.
"""

import logging
from collections.abc import Callable, Sequence
from functools import partial

from taskflow import engines, task
from taskflow.patterns import linear_flow

from glimpse.errors import ClaimLost, GlimpseError
from glimpse.imports.plugins.base import Acts, Plugin
from glimpse.imports.run import ImportRun
from glimpse.imports.steps.deliver import deliver, withdraw
from glimpse.imports.steps.finish import finish
from glimpse.imports.steps.lock import lock, unlock

log = logging.getLogger(__name__)

Work = Callable[[ImportRun], None]


def nothing(run: ImportRun) -> None:
    """What a step that leaves nothing behind takes back."""


def build(run: ImportRun, plugins: Sequence[Plugin]) -> linear_flow.Flow:
    """The flow of one import: lock, the plugins with a turn in configured order, deliver, finish.

    A plugin that only adds to the plan has no turn, and bytes are acquired by whoever needs them first. Neighbours among
    our steps are one task: each task costs 0.7 ms, and all else of a small import 8.
    """
    turns = [
        Step(run, plugin.name, partial(plugin.apply, rest=plugins[number:]), plugin.undo)
        for number, plugin in enumerate(plugins, 1)
        if isinstance(plugin, Acts)
    ]
    first = Step(run, "lock", partial(lock, plugins=plugins), unlock)
    last = (Step(run, "deliver", deliver, withdraw), Step(run, "finish", finish, nothing))
    flow = linear_flow.Flow(f"import-{run.id}")
    if not turns:
        return flow.add(Steps(first, *last))
    return flow.add(Steps(first), *(Steps(turn) for turn in turns), Steps(*last))


def execute(run: ImportRun, plugins: Sequence[Plugin]) -> None:
    """Run the import to its end. Afterwards ``run.ended`` says whether the record is final.

    It is not after ClaimLost or Interrupted, nor when taking back failed: then another conductor goes on.
    """
    try:
        engines.run(build(run, plugins), engine="serial")
    except GlimpseError as error:
        if run.leaving:
            log.info("Import %s left to another conductor: %s", run.id, error)
    except Exception:
        log.exception("Import %s could not be taken back and is left to another conductor.", run.id)


class Steps(task.Task):  # type: ignore[misc]
    """Steps in their order, as one TaskFlow task."""

    def __init__(self, *steps: "Step") -> None:
        super().__init__(name="+".join(step.name for step in steps))
        self._steps = steps
        self._begun: list[Step] = []

    def execute(self) -> None:
        """Do one after the other, to the first that fails."""
        for step in self._steps:
            self._begun.append(step)
            step.execute()

    def revert(self, *args: object, **kwargs: object) -> None:
        """Take back those that were begun, the last first."""
        for step in reversed(self._begun):
            step.revert()


class Step:
    """One step: runs ``do``; when this or a later step fails, runs ``undo``."""

    def __init__(self, run: ImportRun, name: str, do: Work, undo: Work) -> None:
        self.name = name
        self._run, self._do, self._undo = run, do, undo

    def execute(self) -> None:
        """Do the step, unless the import is already being taken back."""
        run = self._run
        if run.failing is not None:
            if self.name == "finish":
                raise AlreadyFailing(str(run.failing.get("message", "")))
            return
        try:
            run.stop.check()
            if self._is_phase():
                run.phases.start(self.name)
            self._do(run)
            if self._is_phase():
                run.phases.finish(self.name)
        except GlimpseError as error:
            self._judge(error)
            raise
        except Exception as error:
            log.exception("Import %s: unexpected error in step %s.", run.id, self.name)
            unexpected = GlimpseError(
                f"Internal error in step {self.name!r}: {type(error).__name__}.",
                hint="The log of the conductor has the details.",
            )
            self._judge(unexpected)
            raise unexpected from error

    def _is_phase(self) -> bool:
        """Whether the step is one that a follower sees."""
        return self.name != "lock"

    def _judge(self, error: GlimpseError) -> None:
        run = self._run
        if isinstance(error, ClaimLost):
            run.stop.set(error)
        if not run.leaving:
            run.phases.fail(run.stage or self.name)
            run.phases.fail_running()
            log.info("Import %s fails in step %s: %s", run.id, self.name, error.message)
            try:
                run.fail(run.stage or self.name, error)
            except ClaimLost as lost:
                run.stop.set(lost)

    def revert(self) -> None:
        """Take the step back, unless the import is another conductor's now."""
        if self._run.leaving:
            return
        try:
            self._undo(self._run)
        except ClaimLost as lost:
            self._run.stop.set(lost)


class AlreadyFailing(GlimpseError):
    """An earlier conductor has decided that this import fails; it is being taken back."""

    code = "failing"
