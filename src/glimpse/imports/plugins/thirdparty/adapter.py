"""A third-party plugin as a stage of our imports."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from taskflow.patterns import linear_flow

from glimpse.errors import ClaimLost, GlimpseError, TooLarge
from glimpse.imports import points
from glimpse.imports.draft import Draft
from glimpse.imports.methods.glance_direct import StagedDataLost
from glimpse.imports.planning import continued
from glimpse.imports.plugins.base import Plugin
from glimpse.imports.plugins.thirdparty import journal
from glimpse.imports.plugins.thirdparty.arguments import arguments
from glimpse.imports.plugins.thirdparty.glance import advice
from glimpse.imports.plugins.thirdparty.tasks import Ran, execute, take_back
from glimpse.imports.run import ImportRun
from glimpse.imports.segments import bring

log = logging.getLogger(__name__)

FILE_PATH = "file_path"
SCHEME = "file://"


class PluginFailed(GlimpseError):
    """A third-party plugin has raised, or has not done what a plugin must."""

    code = "plugin-failed"


class ThirdParty:
    """Runs what ``get_flow`` gives for each import: TaskFlow tasks that work on the image's file and record."""

    def __init__(self, name: str, get_flow: Callable[..., Any]) -> None:
        self.name = name
        self._get_flow = get_flow

    def contribute(self, draft: Draft) -> None:
        """The bytes are needed as a file, and nobody knows what the plugin does to them."""
        draft.planner.plugin(self.name)

    def apply(self, run: ImportRun, rest: Sequence[Plugin]) -> None:
        """Run the plugin on the file, unless that is done: the journal names the file that it left.

        A file on which a conductor died is not used again, because the plugin may have changed half of it.
        """
        number = self._segment(run)
        if not run.waiting or run.delivered is not None or points.reached(run) > number:
            return
        file = self._file(run, number)
        run.phases.report(self.name, 0, file.stat().st_size)
        flow = self._flow(run, file.stat().st_size)
        run.journal(files=points.without(run, file), plugins=journal.begun(run, self.name))
        ran = Ran(flow, {**self._symbols(run, file), FILE_PATH: f"{SCHEME}{file}"})
        run.memory[self.name] = ran
        declared = run.declared
        try:
            execute(ran)
        except ClaimLost as lost:
            run.stop.set(lost)
            raise
        except Exception as error:
            run.stop.check()
            log.info("Import %s: plugin %s raised.", run.id, self.name, exc_info=True)
            raise self._failed(error) from error
        result = self._result(run, ran)
        run.phases.report(self.name, result.stat().st_size, result.stat().st_size)
        if run.declared != declared:
            done = [each for part in run.plan.segments[: number + 1] for each in part.elements]
            run.adopt_plan(continued(done, run.declared, rest), run.declared)
        run.journal(files=points.added(run, number, result), plugins=journal.done(run, self.name, ran))

    def undo(self, run: ImportRun) -> None:
        """Let the plugin revert, if it ever ran for this import; what it raises then is logged and ends nothing."""
        stands = journal.of(run, self.name)
        if stands is None:
            return
        error = cast("Mapping[str, object]", run.failing or {})
        try:
            ran = cast("Ran | None", run.memory.get(self.name))
            if ran is None:
                ran = journal.restored(stands, self._flow(run, None), str(error.get("message", "")))
            take_back(ran, str(error.get("message", "")))
        except ClaimLost:
            raise
        except Exception:
            log.exception("Import %s: plugin %s could not revert.", run.id, self.name)

    def _segment(self, run: ImportRun) -> int:
        segments = enumerate(run.plan.segments)
        return next(
            number for number, each in segments if each.plugin is not None and each.plugin.name == self.name
        )

    def _file(self, run: ImportRun, number: int) -> Path:
        try:
            return cast(Path, bring(run, number))
        except StagedDataLost:
            if journal.of(run, self.name) is None:
                raise
            broken = journal.broken(run)
            reason = (
                "this host was restarted" if broken is None else f"a conductor died during plugin {broken}"
            )
            raise StagedDataLost(
                f"The staged data is lost: {reason}, after it had been changed where it was staged.",
                hint="Upload the image to staging again, then import.",
            ) from None

    def _flow(self, run: ImportRun, size: int | None) -> linear_flow.Flow:
        try:
            made = self._get_flow(**arguments(run, self.name, size))
            flow = linear_flow.Flow(f"{self.name}-{run.id}")
            flow.add(made)
        except Exception as error:
            raise self._failed(error) from error
        return flow

    def _symbols(self, run: ImportRun, file: Path) -> Mapping[str, object]:
        """What tasks may ask for by name: what plugins before have provided, and of a download what came."""
        known: dict[str, object] = {}
        if run.plan.source.kind != "staged":
            known = {"file_uri": f"{SCHEME}{file}", "image_size": file.stat().st_size}
        return known | journal.symbols(run)

    def _result(self, run: ImportRun, ran: Ran) -> Path:
        given = ran.symbols[FILE_PATH]
        text = given.removeprefix(SCHEME) if isinstance(given, str) else ""
        path = Path(text)
        if not path.is_absolute() or not path.is_file():
            raise PluginFailed(
                f"plugin {self.name}: the {FILE_PATH} that it gave, {given!r}, is not a file.",
                hint="A task with default_provides = 'file_path' must return the file:// URI of the image's file.",
            )
        cap = run.size_cap
        if path.stat().st_size > cap:
            raise TooLarge(f"plugin {self.name}: the image is larger than the {cap} bytes that are allowed.")
        return path

    def _failed(self, error: Exception) -> PluginFailed:
        found = advice(error)
        if found is not None:
            return PluginFailed(f"plugin {self.name}: {found[0]}", hint=found[1])
        text = error.message if isinstance(error, GlimpseError) else str(error)
        hint = error.hint if isinstance(error, GlimpseError) else ""
        return PluginFailed(f"plugin {self.name}: {text or type(error).__name__}", hint=hint)
