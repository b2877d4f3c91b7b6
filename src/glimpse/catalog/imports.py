"""Imports: beginning, finding and showing them. Task, import record and lock are one row."""

import uuid
from collections.abc import Callable, Collection
from datetime import datetime

from sqlalchemy import Connection, and_, false, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from glimpse.catalog import creating, import_rows, properties, states, targets, uploads
from glimpse.catalog.admission import Admission, admitted
from glimpse.catalog.claims import ImportClaims
from glimpse.catalog.ends import ImportEnds
from glimpse.catalog.grants import ImportGrants
from glimpse.catalog.import_changes import ImportChanges
from glimpse.catalog.records import FAILED, IMPORTING, Image, ImportRecord, NewImage, NewImport
from glimpse.catalog.repository import reads, writes
from glimpse.catalog.tables import images, imports
from glimpse.catalog.targets import ImportTargets
from glimpse.catalog.task_listing import ImportLists, fresh
from glimpse.errors import Conflict, NotFound


class Imports(ImportClaims, ImportTargets, ImportChanges, ImportGrants, ImportEnds, ImportLists):
    """Imports by their ids. How they are held, deliver, end and are listed: see the parts."""

    @writes
    def begin(
        self,
        conn: Connection,
        new: NewImport,
        from_statuses: Collection[str],
        admission: Admission | None = None,
    ) -> ImportRecord:
        """Lock the image and record the import, pending. The image becomes ``importing`` (an active one stays
        so).

        Raises NotFound; Conflict when its status is not one of ``from_statuses``, when an upload or another
        import is going on; what the admission does.
        """
        return self._begin(conn, new, from_statuses, admitted(conn, admission))

    @writes
    def begin_with_image(
        self,
        conn: Connection,
        image: NewImage,
        describe: Callable[[Image], NewImport],
        admission: Admission | None = None,
    ) -> ImportRecord:
        """Make an image and begin the import that ``describe`` says of it: both or neither.

        ``describe`` may refuse by raising, and be asked again for another try. Raises what it raises, and what
        making an image and :meth:`begin` raise.
        """
        reserved = admitted(conn, admission)
        made = creating.create(conn, image, self.now())
        return self._begin(conn, describe(made), ("queued",), reserved)

    def _begin(
        self, conn: Connection, new: NewImport, from_statuses: Collection[str], reserved: int | None
    ) -> ImportRecord:
        import_id = new.id or str(uuid.uuid4())
        now = self.now()
        number = _lock_image(conn, new.image_id, from_statuses, now)
        row = {
            "id": import_id,
            "image_id": new.image_id,
            "lock_image_id": new.image_id,
            "status": "pending",
            "method": new.method,
            "request": dict(new.request),
            "sealed": new.sealed,
            "stores": list(new.stores),
            "lists_stores": new.lists_stores,
            "all_stores_must_succeed": new.all_stores_must_succeed,
            "owner": new.owner,
            "user_id": new.user_id,
            "roles": list(new.roles),
            "request_id": new.request_id,
            "host": new.host,
            "claim": number,
            "attempts": 0,
            "state": dict(new.state),
            "reserved": reserved,
            "phases": [],
            "injected": {},
            "message": "",
            "created_at": now,
            "updated_at": now,
        }
        try:
            conn.execute(insert(imports), row)
        except IntegrityError:
            raise Conflict(f"Image {new.image_id} has a running import.") from None
        targets.add(conn, import_id, new.stores)
        going = sorted(set(new.stores)) if new.lists_stores else []
        properties.put(conn, new.image_id, {IMPORTING: ",".join(going), FAILED: ""})
        record = import_rows.record(conn, import_id)
        assert record is not None
        return record

    @reads
    def get(self, conn: Connection, import_id: str) -> ImportRecord:
        """The record as it is now. Raises NotFound."""
        record = import_rows.record(conn, import_id)
        if record is None:
            raise NotFound(f"There is no import {import_id}.")
        return record

    @reads
    def for_image(self, conn: Connection, image_id: str) -> list[ImportRecord]:
        """The image's imports that have not expired, the newest first."""
        statement = import_rows.SELECT.where(imports.c.image_id == image_id, fresh(self.now()))
        newest = statement.order_by(imports.c.created_at.desc(), imports.c.id.desc())
        return import_rows.records(conn, conn.execute(newest).all())

    @reads
    def unclaimed(self, conn: Connection, host: str, now: datetime | None = None) -> list[ImportRecord]:
        """Imports that a conductor on ``host`` may claim: pending, or left by one that died. The oldest
        first.
        """
        ours = or_(imports.c.host.is_(None), imports.c.host == host)
        left = and_(imports.c.status == "processing", imports.c.lease_until <= (now or self.now()))
        statement = import_rows.SELECT.where(ours, or_(imports.c.status == "pending", left))
        oldest = statement.order_by(imports.c.created_at, imports.c.id).limit(100)
        return import_rows.records(conn, conn.execute(oldest).all())


def _lock_image(conn: Connection, image_id: str, from_statuses: Collection[str], now: datetime) -> int:
    row = conn.execute(
        select(images.c.status, images.c.claim)
        .where(images.c.id == image_id, images.c.deleted == false())
        .with_for_update()
    ).first()
    if row is None:
        raise NotFound(f"No image found with ID {image_id}")
    running = conn.execute(select(imports.c.id).where(imports.c.lock_image_id == image_id)).scalar()
    if running is not None:
        raise Conflict(f"Image {image_id} is being imported already (task {running}).")
    if row.status not in from_statuses:
        raise Conflict(f"Image {image_id} is {row.status}; this import needs {' or '.join(from_statuses)}.")
    if uploads.running(conn, image_id):
        raise Conflict(f"Image {image_id} is still being uploaded.")
    values: dict[str, object] = {"claim": row.claim + 1, "updated_at": now}
    if states.allowed(row.status, "importing"):
        values["status"] = "importing"
    conn.execute(update(images).where(images.c.id == image_id).values(values))
    number: int = row.claim + 1
    return number
