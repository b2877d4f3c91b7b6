"""Watching an import from outside until it has ended, at services that tell much and that tell little."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from glimpse.cli.client import ImageClient, Record, ServiceError
from glimpse.errors import Unavailable

# Five looks a second: smooth for a person, nothing for the service (one indexed read each).
POLL_SECONDS = 0.2

# A service that is being restarted is away for a few seconds; the import goes on without being watched.
AWAY_SECONDS = 30.0

# A service without task records may show the image as queued for an instant after it has accepted the import.
SETTLE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Phase:
    """One step of the import. ``state`` is pending, running, done or failed; ``seconds`` once it ended."""

    name: str
    state: str
    done: int = 0
    total: int | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """One store of the import. ``state`` is pending, writing, committed or failed."""

    store: str
    state: str
    url: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class State:
    """What was seen at one look. ``status`` is running, success or failure."""

    status: str
    phases: tuple[Phase, ...] = ()
    targets: tuple[Target, ...] = ()
    message: str = ""
    hint: str = ""

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self.status != "running"


def follow(client: ImageClient, image: str) -> Iterator[State]:
    """Look until the import has ended; the last state says how. The service may be away for half a minute."""
    started = seen = time.monotonic()
    importing = False
    while True:
        try:
            state, importing = look(client, image, importing, time.monotonic() - started > SETTLE_SECONDS)
        except Unavailable:
            if time.monotonic() - seen > AWAY_SECONDS:
                raise
        else:
            seen = time.monotonic()
            yield state
            if state.ended:
                return
        time.sleep(POLL_SECONDS)


def look(client: ImageClient, image: str, importing: bool, settled: bool) -> tuple[State, bool]:
    """One look: by the import record where there is one, else by image and tasks.

    ``importing``: whether the image has been seen at work; returned anew.
    """
    record = client.import_record(image)
    if record is not None:
        return from_record(record), True
    try:
        current = client.image(image)
    except ServiceError as error:
        if error.status == 404:
            return State("failure", message="the image has been deleted"), importing
        raise
    tasks = client.tasks(image)
    importing = importing or current.get("status") == "importing" or bool(tasks)
    return from_image(current, tasks, importing or settled), importing


def from_record(record: Mapping[str, object]) -> State:
    """The state that an import record describes."""
    status = record.get("status")
    error = _mapping(record.get("error"))
    return State(
        status=str(status) if status in ("success", "failure") else "running",
        phases=tuple(_phase(entry) for entry in _entries(record.get("phases"))),
        targets=tuple(
            Target(str(entry.get("store")), str(entry.get("state")), _text(entry.get("url")), _error(entry))
            for entry in _entries(record.get("stores"))
        ),
        message=str(error.get("message") or record.get("message") or ""),
        hint=str(error.get("hint") or ""),
    )


def from_image(image: Record, tasks: list[Record], started: bool) -> State:
    """The state that an image and its tasks describe, at services that have no import record.

    ``started``: a queued image means that the import has failed, not that it has not begun.
    """
    task = tasks[-1] if tasks else {}
    waiting = _names(image.get("os_glance_importing_to_stores"))
    failed = _names(image.get("os_glance_failed_import"))
    present = [name for name in _names(image.get("stores")) if name not in waiting]
    targets = (
        *(Target(name, "committed") for name in present),
        *(Target(name, "writing") for name in waiting),
        *(Target(name, "failed") for name in failed if name not in waiting),
    )
    message = str(task.get("message") or "")
    if task.get("status") == "failure":
        return State("failure", targets=targets, message=message or "the service does not say why")
    status = image.get("status")
    if status == "active" and not waiting:
        return State("success", targets=targets, message=message)
    if status in ("killed", "deleted") or (
        status == "queued" and started and task.get("status") != "processing"
    ):
        return State("failure", targets=targets, message=message or f"the image is {status}")
    return State("running", targets=targets, message=message)


def _phase(entry: Mapping[str, object]) -> Phase:
    done, total = entry.get("done"), entry.get("total")
    return Phase(
        str(entry.get("name")),
        str(entry.get("state")),
        done if isinstance(done, int) else 0,
        total if isinstance(total, int) else None,
        _seconds(entry.get("started_at"), entry.get("finished_at")),
    )


def _seconds(start: object, end: object) -> float | None:
    try:
        return (datetime.fromisoformat(str(end)) - datetime.fromisoformat(str(start))).total_seconds()
    except (ValueError, TypeError):
        return None


def _error(entry: Mapping[str, object]) -> str | None:
    error = entry.get("error")
    return _text(error.get("message")) if isinstance(error, dict) else _text(error)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _entries(value: object) -> list[Mapping[str, object]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _names(value: object) -> list[str]:
    return [name for name in str(value or "").split(",") if name]
