"""From rows to import records and back."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from glimpse.catalog.records import ImportRecord, Phase, Target
from glimpse.catalog.tables import import_targets, imports

SELECT = select(*(imports.c[name] for name in ImportRecord.__dataclass_fields__ if name != "targets"))


def records(conn: Connection, rows: Sequence[Row[*tuple[Any, ...]]]) -> list[ImportRecord]:
    """The records of these rows of :data:`SELECT`, in their order, with their targets as asked for."""
    targets: dict[str, list[Target]] = {row.id: [] for row in rows}
    if targets:
        table = import_targets
        columns = (table.c.import_id, table.c.store, table.c.state, table.c.url, table.c.error)
        statement = select(*columns).where(table.c.import_id.in_(list(targets))).order_by(table.c.position)
        for import_id, *values in conn.execute(statement):
            targets[import_id].append(Target(*values))
    return [_record(row, targets[row.id]) for row in rows]


def record(conn: Connection, import_id: str) -> ImportRecord | None:
    """One record by its id."""
    found = records(conn, conn.execute(SELECT.where(imports.c.id == import_id)).all())
    return found[0] if found else None


def _record(row: Row[*tuple[Any, ...]], targets: Iterable[Target]) -> ImportRecord:
    values = dict(row._mapping)
    for name in ("stores", "roles"):
        values[name] = tuple(values[name])
    return ImportRecord(
        **values | {"phases": load_phases(values["phases"])},
        targets=tuple(targets),
    )


def dump_phases(phases: Iterable[Phase]) -> list[list[object]]:
    """Phases as JSON: they are written with every heartbeat, so without the names of the fields."""
    return [
        [phase.name, phase.state, phase.done, phase.total, _iso(phase.started_at), _iso(phase.finished_at)]
        for phase in phases
    ]


def load_phases(value: list[list[Any]]) -> tuple[Phase, ...]:
    """What :func:`dump_phases` made."""
    return tuple(
        Phase(name, state, done, total, _time(started), _time(finished))
        for name, state, done, total, started, finished in value
    )


def _iso(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
