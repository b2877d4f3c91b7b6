"""The images: creating, showing, listing, changing and deleting them."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from sqlalchemy import Connection, Row, delete, false, select, update

from glimpse.catalog import changes, creating, locations, properties, staged, states, tags, uploads
from glimpse.catalog.admission import Admission, admitted
from glimpse.catalog.changes import Change, Judge, nothing_against
from glimpse.catalog.details import find
from glimpse.catalog.ends import end_by_deletion
from glimpse.catalog.listing import list_images
from glimpse.catalog.records import (
    Deleted,
    Image,
    ImageQuery,
    NewImage,
    Page,
    UploadClaim,
    UploadKind,
    Viewer,
)
from glimpse.catalog.repository import Repository, looks, reads, writes
from glimpse.catalog.tables import image_members, images
from glimpse.catalog.visibility import can_see
from glimpse.errors import Conflict, Forbidden, NotFound


class Images(Repository):
    """Images by their ids. ``viewer`` None is the service itself."""

    @writes
    def create(self, conn: Connection, new: NewImage, admission: Admission | None = None) -> Image:
        """A new image, ``queued``. Raises Conflict when the id is taken, also by a deleted image; what the admission
        does.
        """
        admitted(conn, admission)
        return creating.create(conn, new, self.now())

    @looks
    def get(self, conn: Connection, image_id: str, viewer: Viewer | None = None) -> Image:
        """The image as it is now. Raises NotFound, also where the viewer may not know of it."""
        return self._get(conn, image_id, viewer)

    @reads
    def list(self, conn: Connection, query: ImageQuery, viewer: Viewer | None = None) -> Page:
        """One page of the images that the viewer sees. Raises Invalid for bad sort keys and markers."""
        return list_images(conn, query, viewer)

    @writes
    def update(
        self,
        conn: Connection,
        image_id: str,
        *,
        set: Mapping[str, object] | None = None,
        properties: Mapping[str, str | None] | None = None,
        remove_properties: Collection[str] = (),
        tags: Collection[str] | None = None,
        judge: Judge = nothing_against,
        check_properties: Callable[[Collection[str]], None] = lambda names: None,
    ) -> Image:
        """Change what a user may change, and only that: rows not named here keep what others have written.

        ``tags`` None leaves them. ``judge`` is as for :class:`Change`. ``check_properties`` sees the names of all
        properties that the image has then, and raises where these are too many. Raises Forbidden for attributes and
        properties that are the service's own, and for formats once there is data; NotFound; what the two raise.
        """
        change = Change(set or {}, properties or {}, remove_properties, tags, judge)
        changes.apply(conn, image_id, change, self.now())
        image = self._get(conn, image_id, None)
        check_properties(image.properties)
        return image

    @writes
    def change_status(self, conn: Connection, image_id: str, before: str, after: str) -> Image:
        """Compare-and-swap, within the table of states. Raises Conflict where the image is not ``before``."""
        states.check(image_id, before, after)
        values: dict[str, object] = {"status": after, "updated_at": self.now()}
        if after == "queued":
            values |= {"size": None, "virtual_size": None}
        done = conn.execute(
            update(images)
            .where(images.c.id == image_id, images.c.status == before, images.c.deleted == false())
            .values(values)
        )
        image = self._get(conn, image_id, None)
        if not done.rowcount:
            raise Conflict(f"Image {image_id} is {image.status}, not {before}.")
        return image

    @writes
    def begin_upload(
        self,
        conn: Connection,
        image_id: str,
        kind: UploadKind,
        store: str | None,
        owner_process: str,
        lease: float,
        admission: Admission | None = None,
    ) -> UploadClaim:
        """Take the image for an upload: ``saving`` ("file") or ``uploading`` ("stage"), with a lease in
        seconds.

        Raises NotFound; Conflict when the image is not ``queued``; Invalid when a file's formats are not
        known; what the admission does.
        """
        reserved = admitted(conn, admission)
        now, until = self.now(), self.in_seconds(lease)
        return uploads.begin(conn, image_id, kind, store, owner_process, now, until, reserved)

    @writes
    def delete(self, conn: Connection, image_id: str, viewer: Viewer | None = None) -> Deleted:
        """Delete the image; its id stays taken. Whatever uploads or imports it has lost its claim with this.

        The answer names what is left to clean. Raises NotFound, Forbidden (protected), Conflict.
        """
        row = _hold(conn, image_id, viewer)
        if row.protected:
            raise Forbidden(f"Image {image_id} is protected and cannot be deleted.")
        states.check(image_id, row.status, "deleted")
        now = self.now()
        values = {
            "status": "deleted",
            "deleted": True,
            "deleted_at": now,
            "updated_at": now,
            "claim": row.claim + 1,
        }
        conn.execute(update(images).where(images.c.id == image_id).values(values))
        properties.remove(conn, image_id)
        tags.remove_all(conn, image_id)
        conn.execute(delete(image_members).where(image_members.c.image_id == image_id))
        return Deleted(
            image_id=image_id,
            claim=row.claim + 1,
            locations=locations.remove(conn, image_id),
            staged=staged.take(conn, image_id),
            upload=uploads.take(conn, image_id),
            import_id=end_by_deletion(conn, image_id, now, self.task_expiry()),
        )

    def _get(self, conn: Connection, image_id: str, viewer: Viewer | None) -> Image:
        image = find(conn, image_id, viewer)
        if image is None:
            raise _not_found(image_id)
        return image


def _not_found(image_id: str) -> NotFound:
    return NotFound(f"No image found with ID {image_id}")


def _hold(conn: Connection, image_id: str, viewer: Viewer | None = None) -> Row[*tuple[Any, ...]]:
    """The image's row, locked until the end of the transaction."""
    row = conn.execute(
        select(images)
        .where(images.c.id == image_id, images.c.deleted == false(), can_see(viewer))
        .with_for_update()
    ).first()
    if row is None:
        raise _not_found(image_id)
    return row
