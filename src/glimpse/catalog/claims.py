"""Holding an import: taking it up, keeping it, writing its journal, handing it back."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from glimpse.catalog import import_rows
from glimpse.catalog.fence import Held, fenced, hold, lost
from glimpse.catalog.records import ImportRecord, Phase
from glimpse.catalog.repository import Repository, reads, writes, writes_again
from glimpse.catalog.tables import images, imports
from glimpse.errors import Conflict

_FORMATS = (
    select(images.c.disk_format, images.c.container_format)
    .select_from(imports.join(images, imports.c.image_id == images.c.id))
    .where(imports.c.id == bindparam("of"))
)


class ImportClaims(Repository):
    """The part of :class:`Imports` that conductors use to own one."""

    @writes
    def claim(self, conn: Connection, import_id: str, worker: str, lease: float) -> ImportRecord:
        """Take up a pending import, or one whose holder has let its lease (seconds) run out.

        The answer's ``claim`` is the number for everything that follows. Raises Conflict while somebody else
        holds it or when it has ended, NotFound.
        """
        row, now = hold(conn, import_id), self.now()
        if row.status not in ("pending", "processing"):
            raise Conflict(f"Import {import_id} has ended ({row.status}).")
        if row.status == "processing" and row.lease_until > now:
            raise Conflict(f"Import {import_id} is run by {row.claimed_by}.")
        values = {
            "status": "processing",
            "claimed_by": worker,
            "lease_until": self.in_seconds(lease),
            "attempts": row.attempts + 1,
            "updated_at": now,
        }
        self._next_claim(conn, import_id, row.image_id, row.image_claim, values)
        return _known(conn, import_id)

    @reads
    def formats(self, conn: Connection, import_id: str) -> tuple[str | None, str | None]:
        """The disk format and the container format that the import's image is declared to be of now."""
        row = conn.execute(_FORMATS, {"of": import_id}).first()
        return (None, None) if row is None else (row.disk_format, row.container_format)

    @writes_again
    def renew(
        self,
        conn: Connection,
        import_id: str,
        claim: int,
        lease: float,
        *,
        phases: Sequence[Phase] | None = None,
    ) -> None:
        """The heartbeat: hold it for ``lease`` seconds from now, and say how far it is (ClaimLost)."""
        values: dict[str, Any] = {"lease_until": self.in_seconds(lease), "updated_at": self.now()}
        if phases is not None:
            values["phases"] = import_rows.dump_phases(phases)
        # The import's own number suffices here: deleting the image ends the import in the same transaction.
        ours = update(imports).where(
            imports.c.id == import_id, imports.c.claim == claim, imports.c.status == "processing"
        )
        if not conn.execute(ours.values(values)).rowcount:
            raise lost(import_id, claim)

    @writes
    def release(self, conn: Connection, import_id: str, claim: int) -> None:
        """Hand it back, as at a clean stop: anybody may take it up now, and ``claim`` is void. Raises
        ClaimLost.
        """
        row = fenced(conn, import_id, claim)
        values = {
            "status": "pending",
            "claimed_by": None,
            "lease_until": None,
            "attempts": row.attempts - 1,
            "updated_at": self.now(),
        }
        self._next_claim(conn, import_id, row.image_id, claim, values)

    @writes_again
    def journal(
        self,
        conn: Connection,
        import_id: str,
        claim: int,
        *,
        plan: Mapping[str, object] | None = None,
        state: Mapping[str, object] | None = None,
        phases: Sequence[Phase] | None = None,
        message: str | None = None,
    ) -> None:
        """Write down what is done. ``state`` is merged by key into what is there; None leaves a thing as it
        is.

        Raises ClaimLost.
        """
        row = fenced(conn, import_id, claim)
        values = journalled(row, plan=plan, state=state, phases=phases)
        if message is not None:
            values["message"] = message
        values["updated_at"] = self.now()
        conn.execute(update(imports).where(imports.c.id == import_id).values(values))

    @staticmethod
    def _next_claim(
        conn: Connection, import_id: str, image_id: str, last: int, values: Mapping[str, object]
    ) -> None:
        conn.execute(update(images).where(images.c.id == image_id).values(claim=last + 1))
        conn.execute(update(imports).where(imports.c.id == import_id).values(claim=last + 1, **values))


def _known(conn: Connection, import_id: str) -> ImportRecord:
    record = import_rows.record(conn, import_id)
    assert record is not None
    return record


def journalled(
    row: Held,
    *,
    plan: Mapping[str, object] | None = None,
    state: Mapping[str, object] | None = None,
    phases: Sequence[Phase] | None = None,
) -> dict[str, Any]:
    """The columns of an import into whose journal this is written."""
    values: dict[str, Any] = {}
    if plan is not None:
        values["plan"] = dict(plan)
    if state is not None:
        values["state"] = {**row.state, **state}
    if phases is not None:
        values["phases"] = import_rows.dump_phases(phases)
    return values
