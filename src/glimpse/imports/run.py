"""One import being run by this conductor: its record, its claim, and what has been written into the journal."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import cast

from glimpse.catalog.records import Image, ImportRecord
from glimpse.errors import GlimpseError
from glimpse.imports.progress import Phases
from glimpse.imports.resources import Resources
from glimpse.imports.stop import StopSignal
from glimpse.transfer.plan import Plan


@dataclass(frozen=True, slots=True)
class Declared:
    """The formats that the user has given the image."""

    disk_format: str | None
    container_format: str | None


class ImportRun:
    """What the steps of the flow share. Everything that must outlive this process goes through :meth:`journal`."""

    def __init__(self, resources: Resources, record: ImportRecord, phases: Phases) -> None:
        self.resources = resources
        self.record = record
        self.phases = phases
        self.stop = StopSignal()
        self.state: dict[str, object] = dict(record.state)
        self.ended = False
        self._plan = Plan.from_dict(record.plan) if record.plan is not None else None

    @property
    def id(self) -> str:
        """The import record's id, which is also the task's and the lock's."""
        return self.record.id

    @property
    def image_id(self) -> str:
        """The image that is imported."""
        return self.record.image_id

    @property
    def claim(self) -> int:
        """The number under which this conductor holds the import."""
        return self.record.claim

    @property
    def plan(self) -> Plan:
        """What is to be done with the bytes; worked out by the first step."""
        if self._plan is None:
            raise RuntimeError("The plan is used before the lock step has made it.")
        return self._plan

    @property
    def flowing(self) -> frozenset[str]:
        """The phases whose bytes flow while the deliver step runs, and which therefore end with it."""
        phases = set()
        if self.plan.convert is not None:
            phases.add("image_conversion")
        if not self.plan.spools:
            if self.plan.source.kind != "staged" or self.plan.decompress is not None:
                phases.add("acquire")
            if self.plan.decompress is not None:
                phases.add("image_decompression")
        return frozenset(phases)

    @property
    def waiting(self) -> list[str]:
        """The stores that were still to be delivered to when this conductor took the import up."""
        return [target.store for target in self.record.targets if target.state in ("pending", "writing")]

    def image(self) -> Image:
        """The image as it is now."""
        return self.resources.catalog.images.get(self.image_id)

    @property
    def declared(self) -> Declared:
        """What the image was declared to be when the plan was made; a user may change that while the import runs."""
        known = cast("Mapping[str, str | None]", self.state["declared"])
        return Declared(known["disk_format"], known["container_format"])

    def adopt_plan(self, plan: Plan, declared: Declared) -> None:
        """Store the plan, and what it was made for, with the record, before any byte moves."""
        self.state["declared"] = asdict(declared)
        self.resources.catalog.imports.journal(self.id, self.claim, plan=plan.to_dict(), state=self.state)
        self._plan = plan

    def journal(self, **facts: object) -> None:
        """Write down what a step has finished, so that whoever runs this import next does not do it again.

        Raises ClaimLost when another conductor has taken over.
        """
        self.state.update(facts)
        self.resources.catalog.imports.journal(
            self.id, self.claim, state=self.state, phases=self.phases.snapshot()
        )

    @property
    def failing(self) -> Mapping[str, object] | None:
        """The error because of which this import is being taken back, once that is decided."""
        return cast("Mapping[str, object] | None", self.state.get("failing"))

    def fail(self, stage: str, error: GlimpseError) -> None:
        """Decide that the import fails: from here on it is taken back, by this conductor or the next."""
        self.journal(failing=describe(stage, error))

    @property
    def leaving(self) -> bool:
        """Whether this conductor must let go of the import without judging it (claim lost, shutdown)."""
        reason = self.stop.reason
        return reason is not None and reason.code in {"claim-lost", "interrupted"}


def describe(stage: str, error: GlimpseError) -> dict[str, object]:
    """The error as it is kept in the record: ``stage``, ``code``, ``message``, ``hint``, ``retryable``."""
    return {
        "stage": stage,
        "code": error.code,
        "message": error.message,
        "hint": error.hint,
        "retryable": error.retryable,
    }
