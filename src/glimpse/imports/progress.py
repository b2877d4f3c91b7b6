"""How far a running import is: its phases in order, each with bytes done and, where known, bytes in all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from glimpse.catalog.records import Phase
from glimpse.transfer.extent import Buffer, Extent


def to_store(store: str) -> str:
    """The phase in which the bytes go into one store."""
    return f"deliver:{store}"


def phase_names(plugins: Sequence[str], stores: Sequence[str]) -> list[str]:
    """All phases of an import, in the order in which they are shown."""
    return [
        "acquire",
        *plugins,
        "deliver",
        *(to_store(store) for store in stores),
        "finish",
    ]


class Phases:
    """The phases of one import. Written by the threads that move bytes, read by the heartbeat; each call is atomic."""

    def __init__(self, names: Sequence[str], known: Sequence[Phase] = ()) -> None:
        former = {phase.name: phase for phase in known if phase.state == "done"}
        self._phases = {
            name: former.get(name) or Phase(name, "pending", 0, None, None, None) for name in names
        }

    def snapshot(self) -> tuple[Phase, ...]:
        """All phases in order, as they are now."""
        return tuple(self._phases.values())

    def report(self, phase: str, done: int, total: int | None) -> None:
        """Bytes ``done`` of ``total`` in ``phase``; phases that are not part of this import are ignored."""
        now = self._phases.get(phase)
        if now is not None:
            started = now.started_at or datetime.now(UTC)
            self._phases[phase] = replace(now, state="running", done=done, total=total, started_at=started)

    def start(self, phase: str) -> None:
        """The phase, if it is one, begins, unless bytes of it have passed already."""
        now = self._phases.get(phase)
        if now is not None and now.state != "running":
            self._phases[phase] = Phase(phase, "running", started_at=datetime.now(UTC))

    def finish(self, phase: str) -> None:
        """The phase, if it is one, is done, and so is its total."""
        now = self._phases.get(phase)
        if now is None or now.state == "done":
            return
        total = max(now.done, now.total or 0)
        ended = datetime.now(UTC)
        started = now.started_at or ended
        self._phases[phase] = replace(
            now, state="done", done=total, total=total, started_at=started, finished_at=ended
        )

    def finish_before(self, phase: str) -> None:
        """The phases before this one are done: they ran inside another step, or there was nothing to do."""
        for name in self._phases:
            if name == phase:
                return
            self.finish(name)

    def fail(self, phase: str) -> None:
        """The phase, if it is one, has failed where it stands."""
        if phase in self._phases:
            self._phases[phase] = replace(self._phases[phase], state="failed", finished_at=datetime.now(UTC))

    def fail_running(self) -> None:
        """Every phase that is running has failed where it stands."""
        for phase in self.snapshot():
            if phase.state == "running":
                self.fail(phase.name)


def counted(chunks: Iterator[Buffer], phases: Phases, phase: str, total: int | None) -> Iterator[Buffer]:
    """``chunks`` unchanged, reporting the bytes that have passed as those of ``phase``."""
    done = 0
    for chunk in chunks:
        done += len(chunk)
        phases.report(phase, done, total)
        yield chunk


def counted_extents(extents: Iterator[Extent], phases: Phases, phase: str, total: int) -> Iterator[Extent]:
    """``extents`` unchanged, reporting how far into the image they reach as the progress of ``phase``."""
    for extent in extents:
        phases.report(phase, extent.offset + extent.length, total)
        yield extent
