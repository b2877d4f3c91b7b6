"""One import being run by this conductor: its record, its claim, and what has been written into the journal."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, cast

from glimpse.access import redact
from glimpse.access.keyring import KeyRing, KeyRingUnusable
from glimpse.access.quota import Ceiling
from glimpse.access.signature import Signature
from glimpse.catalog.admission import Admission
from glimpse.catalog.ledger import Ledger
from glimpse.catalog.records import Image, ImportRecord, NewLocation, StagedFile
from glimpse.errors import GlimpseError, TooLarge
from glimpse.imports.kept import Kept, unseal
from glimpse.imports.progress import Phases
from glimpse.imports.resources import Resources
from glimpse.imports.stop import StopSignal
from glimpse.transfer.plan import VERSION, Plan

# Where the journal has it.
CEILING = "ceiling"


@dataclass(frozen=True, slots=True)
class Declared:
    """What the bytes are said to be: by the user, later by what was done to them."""

    disk_format: str | None
    container_format: str | None


class ImportRun:
    """What the steps of the flow share. Everything that must outlive this process goes into the journal."""

    def __init__(self, resources: Resources, record: ImportRecord, phases: Phases) -> None:
        self.resources = resources
        self.record = record
        self.phases = phases
        self.stop = StopSignal()
        self.state: dict[str, object] = dict(record.state)
        self.ended = False
        # Where in the plan an error happens, when that is more than the name of the step.
        self.stage: str | None = None
        # What third-party plugins leave in this process for their revert, by the plugin's name.
        self.memory: dict[str, object] = {}
        self._plan = _readable(record.plan)
        self._plan_noted = False
        self._noted: dict[str, object] = {}
        self._staged: StagedFile | None = None
        # The ceiling, where it and nothing else bounds the bytes of the image.
        self._bounds: Ceiling | None = None
        self._kept: Kept | None = None

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
    def kept(self) -> Kept:
        """What nobody else may read: the request word for word, and the caller's token. Raises as :meth:`unseal`."""
        return self._kept or self.unseal()

    def unseal(self) -> Kept:
        """Read what is kept secret for this import. Raises KeyRingUnusable, but not where it is being taken back: that
        goes on without.
        """
        try:
            self._kept = unseal(self.record, KeyRing.of(self.resources.settings))
        except KeyRingUnusable:
            if self.failing is None:
                raise
            self._kept = Kept(self.record.request)
        return self._kept

    @property
    def request(self) -> Mapping[str, object]:
        """What the caller asked for, word for word. Raises KeyRingUnusable."""
        return self.kept.request

    @property
    def planned(self) -> bool:
        """Whether there is a plan."""
        return self._plan is not None

    @property
    def plan(self) -> Plan:
        """What is to be done with the bytes; worked out by the first step."""
        if self._plan is None:
            raise RuntimeError("The plan is used before the lock step has made it.")
        return self._plan

    @property
    def waiting(self) -> list[str]:
        """The stores that were still to be delivered to when this conductor took the import up."""
        return [target.store for target in self.record.targets if target.state in ("pending", "writing")]

    @property
    def delivered(self) -> tuple[str, str] | None:
        """A store that had the image when this conductor took the import up, and the object's URL."""
        return next(
            ((each.store, str(each.url)) for each in self.record.targets if each.state == "committed"), None
        )

    @cached_property
    def size_cap(self) -> int:
        """The most bytes that the image may have: image_size_cap, or what is left of its owner's quota for all stores.

        Others may take of that meanwhile; :meth:`reserve` has the last word. Raises TooLarge where nothing is left.
        """
        cap = self.resources.settings.default.image_size_cap
        if self._ceiling is None:
            return cap
        used = self.resources.catalog.usages.stored(self.image().owner, self.id)
        left = self._ceiling.room(used) // max(1, len(self.record.targets))
        if left < cap:
            self._bounds = self._ceiling
        return min(cap, left)

    def reserve(self, size: int, copies: int) -> None:
        """Have room for an image of ``size`` bytes in so many stores, before any of them shows it. Raises TooLarge."""
        ceiling, more = self._ceiling, size * copies
        if ceiling is None:
            return

        def judge(ledger: Ledger) -> int:
            ceiling.check(ledger.stored(self.id), more)
            return more

        admission = Admission(self.image().owner, judge)
        self.resources.catalog.imports.reserve(self.id, self.claim, admission)

    @property
    def _ceiling(self) -> Ceiling | None:
        """What bounds the bytes of the image's owner, as it was when the import was asked for."""
        known = self.record.state.get(CEILING)
        return None if known is None else Ceiling(**cast("Mapping[str, Any]", known))

    @cached_property
    def signature(self) -> Signature | None:
        """The signature that the data must match, with its certificate, as both were when the import was asked for."""
        known = cast("Mapping[str, str] | None", self.state.get("signature"))
        return None if known is None else Signature.from_dict(known)

    def image(self) -> Image:
        """The image as it is now."""
        return self.resources.catalog.images.get(self.image_id)

    def staged(self) -> StagedFile | None:
        """What is known of the image's staged file."""
        if self._staged is None:
            self._staged = self.resources.catalog.staged.get(self.image_id)
        return self._staged

    @property
    def declared(self) -> Declared:
        """What the bytes are at the point of the plan that was reached, so far as one is told.

        At first what the user declared when the plan was made; that may be changed while the import runs.
        """
        known = cast("Mapping[str, str | None]", self.state["declared"])
        return Declared(known["disk_format"], known["container_format"])

    def declare(self, declared: Declared) -> None:
        """The bytes are something else from this point of the plan on."""
        if declared != self.declared:
            self.note(declared=asdict(declared))

    def adopt_plan(self, plan: Plan, declared: Declared) -> None:
        """Go by this plan, made for what is ``declared``. It is written down before any byte moves."""
        self._plan = plan
        self._plan_noted = True
        self.note(declared=asdict(declared))

    def note(self, **facts: object) -> None:
        """Remember facts; they are written with whatever goes into the journal next."""
        self.state.update(facts)
        self._noted.update(facts)

    def journal(self, **facts: object) -> None:
        """Write down what a step has finished, so that whoever runs this import next does not do it again.

        Raises ClaimLost when another conductor has taken over.
        """
        self.note(**facts)
        self.resources.catalog.imports.journal(
            self.id, self.claim, plan=self._plan_to_write(), state=self._noted, phases=self.phases.snapshot()
        )
        self._written()

    def start_targets(self, stores: Sequence[str]) -> None:
        """Write down, with what was noted, that data goes to these stores now. Raises ClaimLost."""
        self.resources.catalog.imports.start_targets(
            self.id, self.claim, stores, plan=self._plan_to_write(), state=self._noted
        )
        self._written()

    def commit_target(self, store: str, location: NewLocation) -> None:
        """Write down, with what was noted, that the image's data is there. Raises ClaimLost."""
        self.resources.catalog.imports.commit_target(self.id, self.claim, store, location, state=self._noted)
        self._written()

    @property
    def failing(self) -> Mapping[str, object] | None:
        """The error because of which this import is being taken back, once that is decided."""
        return cast("Mapping[str, object] | None", self.state.get("failing"))

    def fail(self, stage: str, error: GlimpseError) -> None:
        """Decide that the import fails: from here on it is taken back, by this conductor or the next."""
        if isinstance(error, TooLarge) and self._bounds:
            self._bounds.explain(error)
        self.journal(failing=describe(stage, error))

    @property
    def leaving(self) -> bool:
        """Whether this conductor must let go of the import without judging it (claim lost, shutdown)."""
        reason = self.stop.reason
        return reason is not None and reason.code in {"claim-lost", "interrupted"}

    def _plan_to_write(self) -> Mapping[str, object] | None:
        return self.plan.to_dict() if self._plan_noted else None

    def _written(self) -> None:
        self._noted = {}
        self._plan_noted = False


def describe(stage: str, error: GlimpseError) -> dict[str, object]:
    """The error as the record keeps it, without secrets: ``stage``, ``code``, ``message``, ``hint``, ``retryable``."""
    return {
        "stage": stage,
        "code": error.code,
        "message": redact.text(error.message),
        "hint": redact.text(error.hint),
        "retryable": error.retryable,
    }


def _readable(plan: Mapping[str, object] | None) -> Plan | None:
    """The plan of an earlier conductor, if it can be followed here.

    One of another version cannot, and is made anew. What that conductor has delivered stands in the journal and the
    targets; what it had only fetched is fetched again, its file goes with the import's others.
    """
    if plan is None or plan.get("version") != VERSION:
        return None
    return Plan.from_dict(plan)
