"""Uploads in progress. The row is a lease: who does not renew it loses the image, which is then ``queued``
again.

The row also is the fence: whoever finishes an upload removes its row first, and finds it gone when somebody
else has decided otherwise (the lease ran out, the image was deleted).
"""

import uuid
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, false, insert, select, update

from glimpse.catalog import locations, staged
from glimpse.catalog.admission import Admission, admitted
from glimpse.catalog.records import (
    ExpiredUpload,
    NewLocation,
    StagedFile,
    UploadClaim,
    UploadKind,
)
from glimpse.catalog.repository import Repository, reads, writes, writes_again
from glimpse.catalog.tables import images
from glimpse.catalog.tables import uploads as table
from glimpse.errors import ClaimLost, Conflict, Invalid, NotFound

# Ids in one statement; SQLite before 3.32 takes 999 parameters.
BATCH = 500

STATUS: Mapping[UploadKind, str] = {"file": "saving", "stage": "uploading"}


class Uploads(Repository):
    """Renewing, finishing, giving up and reaping uploads; :meth:`Images.begin_upload` begins them."""

    @writes_again
    def renew(self, conn: Connection, claim: UploadClaim, lease: float) -> None:
        """Hold the image for another ``lease`` seconds from now. Raises ClaimLost."""
        changed = conn.execute(
            update(table)
            .where(table.c.id == claim.upload_id, table.c.claim == claim.claim)
            .values(lease_until=self.in_seconds(lease))
        )
        if not changed.rowcount:
            raise _lost(claim)

    @writes_again
    def renew_all(self, conn: Connection, claims: Collection[UploadClaim], lease: float) -> set[str]:
        """:meth:`renew` for all of them in one transaction; the ``upload_id`` of those that are lost."""
        lost = {claim.upload_id for claim in claims}
        until = self.in_seconds(lease)
        for ids in batched(sorted(lost)):
            conn.execute(update(table).where(table.c.id.in_(ids)).values(lease_until=until))
            lost.difference_update(conn.execute(select(table.c.id).where(table.c.id.in_(ids))).scalars())
        return lost

    @writes
    def complete_file(
        self,
        conn: Connection,
        claim: UploadClaim,
        location: NewLocation,
        size: int,
        virtual_size: int | None,
        checksum: str | None,
        os_hash_algo: str | None,
        os_hash_value: str | None,
        admission: Admission | None = None,
    ) -> None:
        """The object at ``location`` is the image's data, and the image is active.

        ``admission`` is for data whose size was not known when the upload began. Raises ClaimLost, what it does.
        """
        admitted(conn, admission)
        values: dict[str, object] = {
            "status": "active",
            "size": size,
            "virtual_size": virtual_size,
            "checksum": checksum,
            "os_hash_algo": os_hash_algo,
            "os_hash_value": os_hash_value,
        }
        self._finish(conn, claim, values)
        locations.add(conn, claim.image_id, location, self.now())

    @writes
    def complete_stage(
        self, conn: Connection, claim: UploadClaim, file: StagedFile, admission: Admission | None = None
    ) -> None:
        """All data is staged: the image stays ``uploading`` until somebody imports it.

        ``admission`` as for :meth:`complete_file`. Raises ClaimLost, what the admission does.
        """
        admitted(conn, admission)
        self._finish(conn, claim, {"size": file.length})
        staged.put(conn, file)

    @writes
    def fail(self, conn: Connection, claim: UploadClaim) -> bool:
        """Give up: the image is ``queued``. False where the claim was lost before; nothing is changed then."""
        return _requeue(conn, claim.upload_id, claim.image_id, claim.claim, self.now())

    @reads
    def expired(self, conn: Connection, now: datetime | None = None) -> list[ExpiredUpload]:
        """Uploads whose lease has run out, the longest ago first."""
        fields = list(ExpiredUpload.__dataclass_fields__)
        columns = [table.c[{"upload_id": "id"}.get(field, field)] for field in fields]
        statement = (
            select(*columns).where(table.c.lease_until <= (now or self.now())).order_by(table.c.lease_until)
        )
        return [ExpiredUpload(*row) for row in conn.execute(statement)]

    @writes
    def reap(self, conn: Connection, upload: ExpiredUpload) -> bool:
        """Put the image of a dead upload back to ``queued``; its claim is void from now on.

        False where somebody else did so or the upload goes on after all. Whoever gets True removes what was
        left behind under that claim.
        """
        # A renewed lease ends later than the one that was seen to have run out.
        stale = table.c.lease_until <= upload.lease_until
        now = self.now()
        if not _requeue(conn, upload.upload_id, upload.image_id, upload.claim, now, stale):
            return False
        conn.execute(update(images).where(images.c.id == upload.image_id).values(claim=images.c.claim + 1))
        return True

    def _finish(self, conn: Connection, claim: UploadClaim, values: dict[str, object]) -> None:
        changed = conn.execute(
            update(images)
            .where(
                images.c.id == claim.image_id,
                images.c.claim == claim.claim,
                images.c.status == STATUS[claim.kind],
                images.c.deleted == false(),
            )
            .values(updated_at=self.now(), **values)
        )
        if not changed.rowcount or not _drop(conn, claim.upload_id, claim.claim):
            raise _lost(claim)


def begin(
    conn: Connection,
    image_id: str,
    kind: UploadKind,
    store: str | None,
    owner_process: str,
    now: datetime,
    lease_until: datetime,
    reserved: int | None = None,
) -> UploadClaim:
    """Take a queued image for an upload, which was granted ``reserved`` bytes."""
    free = update(images).where(
        images.c.id == image_id, images.c.status == "queued", images.c.deleted == false()
    )
    if kind == "file":
        free = free.where(images.c.disk_format.is_not(None), images.c.container_format.is_not(None))
    taken = conn.execute(
        free.values(status=STATUS[kind], claim=images.c.claim + 1, updated_at=now, size=None)
    )
    row = conn.execute(
        select(images.c.status, images.c.claim).where(images.c.id == image_id, images.c.deleted == false())
    ).first()
    if row is None:
        raise NotFound(f"No image found with ID {image_id}")
    if not taken.rowcount and row.status == "queued":
        raise Invalid(f"Image {image_id} needs disk_format and container_format before its data comes.")
    if not taken.rowcount:
        raise Conflict(f"Image {image_id} is {row.status}; data can be uploaded only while it is queued.")
    claim = UploadClaim(str(uuid.uuid4()), image_id, row.claim, kind, store)
    lease = {
        "owner_process": owner_process,
        "lease_until": lease_until,
        "created_at": now,
        "reserved": reserved,
    }
    values = asdict(claim)
    values["id"] = values.pop("upload_id")
    conn.execute(insert(table).values(**values, **lease))
    return claim


def running(conn: Connection, image_id: str) -> bool:
    """Whether an upload of this image is going on."""
    return conn.execute(select(table.c.id).where(table.c.image_id == image_id)).first() is not None


def take(conn: Connection, image_id: str) -> UploadClaim | None:
    """End the image's upload, if there is one, and say which it was."""
    columns = (table.c.id, table.c.image_id, table.c.claim, table.c.kind, table.c.store)
    row = conn.execute(select(*columns).where(table.c.image_id == image_id)).first()
    if row is None:
        return None
    conn.execute(delete(table).where(table.c.id == row.id))
    return UploadClaim(*row)


def _drop(conn: Connection, upload_id: str, claim: int, *conditions: ColumnElement[bool]) -> bool:
    ours = delete(table).where(table.c.id == upload_id, table.c.claim == claim, *conditions)
    return bool(conn.execute(ours).rowcount)


def _requeue(
    conn: Connection,
    upload_id: str,
    image_id: str,
    claim: int,
    now: datetime,
    *conditions: ColumnElement[bool],
) -> bool:
    conn.execute(select(images.c.id).where(images.c.id == image_id).with_for_update())
    if not _drop(conn, upload_id, claim, *conditions):
        return False
    conn.execute(
        update(images)
        .where(
            images.c.id == image_id,
            images.c.claim == claim,
            images.c.status.in_(sorted(STATUS.values())),
            images.c.deleted == false(),
        )
        .values(status="queued", size=None, virtual_size=None, updated_at=now)
    )
    return True


def _lost(claim: UploadClaim) -> ClaimLost:
    return ClaimLost(f"Claim {claim.claim} on image {claim.image_id} is void: its upload has ended before.")


def batched(ids: list[str]) -> Iterator[list[str]]:
    """The ids in portions that fit one statement."""
    for start in range(0, len(ids), BATCH):
        yield ids[start : start + BATCH]
