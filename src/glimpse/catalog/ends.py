"""How imports end: with success, with failure, or with the image itself."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select, update

from glimpse.catalog import import_rows, locations, properties, staged, targets
from glimpse.catalog.fence import Held, fenced, hold, lost
from glimpse.catalog.import_changes import put_back
from glimpse.catalog.records import Location, Phase, Restore
from glimpse.catalog.repository import Repository, writes, writes_again
from glimpse.catalog.tables import images, import_targets, imports
from glimpse.errors import Conflict, Forbidden

# What an import may find out about the image's data.
ATTRIBUTES = frozenset(
    {
        "size",
        "virtual_size",
        "checksum",
        "os_hash_algo",
        "os_hash_value",
        "disk_format",
        "container_format",
    }
)
# An image without data knows nothing about it.
NO_DATA: Mapping[str, object] = {
    "size": None,
    "virtual_size": None,
    "checksum": None,
    "os_hash_algo": None,
    "os_hash_value": None,
}


class ImportEnds(Repository):
    """The part of :class:`Imports` that ends one. Each frees the lock; the task stays readable for a while."""

    @writes
    def succeed(
        self,
        conn: Connection,
        import_id: str,
        claim: int,
        *,
        attributes: Mapping[str, object],
        message: str | None = None,
        result: Mapping[str, object] | None = None,
        phases: Sequence[Phase] | None = None,
    ) -> None:
        """The image has its data and is active. Stores that have not committed by now count as failed.

        Raises ClaimLost; Conflict where no store has committed; Forbidden for attributes an import does not
        know.
        """
        for name in sorted(attributes.keys() - ATTRIBUTES):
            raise Forbidden(f"Attribute '{name}' is not for imports to set.")
        row = fenced(conn, import_id, claim)
        if not targets.settle(conn, row, keep_committed=True, error="not delivered"):
            raise Conflict(f"Import {import_id} has delivered to no store: there is no data.")
        values = {**attributes, "updated_at": self.now()}
        if row.image_status == "importing":
            values["status"] = "active"
        conn.execute(update(images).where(images.c.id == row.image_id).values(values))
        staged.forget(conn, row.image_id)
        answer = dict(result) if result is not None else {"image_id": row.image_id}
        end = {"status": "success", "result": answer} | _said(message, phases)
        _end(conn, row, self.now(), self.task_expiry(), end)

    @writes
    def fail(
        self,
        conn: Connection,
        import_id: str,
        claim: int,
        *,
        error: Mapping[str, object],
        message: str,
        restore: Restore | None = None,
        phases: Sequence[Phase] | None = None,
    ) -> tuple[Location, ...]:
        """Back to where the user can act: the image ``queued`` (one that was active stays so) and the lock
        free.

        Takes back injected properties, and after them what ``restore`` says. The answer are the locations
        that this import had made: they are gone from the catalog, and their objects are for the caller to
        delete. Of an image that is deleted only the record is ended. Raises ClaimLost.
        """
        row = hold(conn, import_id)
        if row.claim != claim or row.status not in ("pending", "processing"):
            raise lost(import_id, claim)
        removed = locations.remove(conn, row.image_id, import_id)
        targets.settle(conn, row, keep_committed=False, error=message)
        if not row.deleted:
            self._free_image(conn, row)
            put_back(conn, row.image_id, row.injected)
            if restore is not None:
                properties.put(conn, row.image_id, restore.set)
                properties.remove(conn, row.image_id, restore.remove)
        end = {"status": "failure", "message": message, "error": dict(error)}
        _end(conn, row, self.now(), self.task_expiry(), end | _said(None, phases))
        return removed

    @writes_again
    def purge(self, conn: Connection, now: datetime | None = None) -> int:
        """Forget tasks that have expired; how many."""
        expired = select(imports.c.id).where(imports.c.expires_at <= (now or self.now())).limit(1000)
        ids = list(conn.execute(expired).scalars())
        conn.execute(delete(import_targets).where(import_targets.c.import_id.in_(ids)))
        return conn.execute(delete(imports).where(imports.c.id.in_(ids))).rowcount

    def _free_image(self, conn: Connection, row: Held) -> None:
        values: dict[str, object] = {"updated_at": self.now()}
        if row.image_status == "importing":
            values |= {"status": "queued", **NO_DATA}
            staged.forget(conn, row.image_id)
        conn.execute(update(images).where(images.c.id == row.image_id).values(values))


def end_by_deletion(conn: Connection, image_id: str, now: datetime, expires_at: datetime) -> str | None:
    """End the import of an image that is being deleted in this transaction; its id, or None."""
    import_id = conn.execute(select(imports.c.id).where(imports.c.lock_image_id == image_id)).scalar()
    if import_id is None:
        return None
    row = hold(conn, import_id)
    message = "The image was deleted."
    targets.settle(conn, row, keep_committed=False, error=message)
    error = {"code": "gone", "message": message}
    _end(conn, row, now, expires_at, {"status": "failure", "message": message, "error": error})
    return str(import_id)


def _said(message: str | None, phases: Sequence[Phase] | None) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if message is not None:
        values["message"] = message
    if phases is not None:
        values["phases"] = import_rows.dump_phases(phases)
    return values


def _end(
    conn: Connection, row: Held, now: datetime, expires_at: datetime, values: Mapping[str, object]
) -> None:
    conn.execute(
        update(imports)
        .where(imports.c.id == row.id)
        .values(
            lock_image_id=None,
            sealed=None,
            claimed_by=None,
            lease_until=None,
            updated_at=now,
            expires_at=expires_at,
            **values,
        )
    )
