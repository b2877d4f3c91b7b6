"""Members: the projects that a shared image is shared with.

Who may call what is for the caller to know; here is what the image's state allows: only ``shared`` images have
members. The memberships of an image that is made private or public wait, and count again when it is shared again.
A membership that is taken back stays as a row, and is used again.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, false, func, insert, select, update

from glimpse.catalog.records import Member, Viewer
from glimpse.catalog.repository import Repository, reads, writes, writes_again
from glimpse.catalog.tables import image_members as table
from glimpse.catalog.tables import images
from glimpse.catalog.visibility import can_see
from glimpse.errors import Conflict, Forbidden, Invalid, NotFound

PENDING = "pending"
STATUSES = frozenset({PENDING, "accepted", "rejected"})

_MEMBER: Select[Any] = select(*(table.c[name] for name in Member.__dataclass_fields__))


class Members(Repository):
    """Memberships by image and project. Raises NotFound for images that do not exist, Forbidden for images that
    are not shared.
    """

    @writes
    def add(
        self, conn: Connection, image_id: str, member: str, check: Callable[[int], None] = lambda count: None
    ) -> Member:
        """Share the image with this project, which may accept or reject it.

        ``check`` is told how many members the image would have and raises where these are too many. Raises
        Conflict where the project is a member already.
        """
        self._hold_shared(conn, image_id)
        row = conn.execute(select(table.c.deleted).where(_is(image_id, member)).with_for_update()).first()
        if row is not None and not row.deleted:
            raise Conflict(f"Project {member} is a member of image {image_id} already.")
        count = select(func.count()).where(table.c.image_id == image_id, table.c.deleted == false())
        check(conn.execute(count).scalar_one() + 1)
        now = self.now()
        values = {"status": PENDING, "deleted": False, "created_at": now, "updated_at": now}
        if row is None:
            conn.execute(insert(table).values(image_id=image_id, member=member, **values))
        else:
            conn.execute(update(table).where(_is(image_id, member)).values(values))
        return Member(image_id, member, PENDING, now, now)

    @reads
    def list(self, conn: Connection, image_id: str, viewer: Viewer | None = None) -> tuple[Member, ...]:
        """The image's members as the viewer may know them: its owner knows all, a member only itself."""
        owner = self._owner(conn, image_id, viewer)
        of_image = _MEMBER.where(table.c.image_id == image_id, table.c.deleted == false())
        if not _knows_all(viewer, owner):
            assert viewer is not None
            of_image = of_image.where(table.c.member == viewer.project)
        return tuple(
            _record(row) for row in conn.execute(of_image.order_by(table.c.created_at, table.c.member))
        )

    @reads
    def get(self, conn: Connection, image_id: str, member: str, viewer: Viewer | None = None) -> Member:
        """One membership. Raises NotFound also where the image is not shared, or the viewer may not know."""
        try:
            owner = self._owner(conn, image_id, viewer)
        except Forbidden as error:
            raise _unknown(image_id, member) from error
        if not _knows_all(viewer, owner) and (viewer is None or viewer.project != member):
            raise _unknown(image_id, member)
        return _find(conn, image_id, member)

    @writes_again
    def set_status(self, conn: Connection, image_id: str, member: str, status: str) -> Member:
        """The member accepts or rejects the image, or thinks again. Raises Invalid, NotFound."""
        if status not in STATUSES:
            raise Invalid(f"A membership is {', '.join(sorted(STATUSES))}, not {status[:100]!r}.")
        self._hold_shared(conn, image_id)
        alive = update(table).where(_is(image_id, member), table.c.deleted == false())
        conn.execute(alive.values(status=status, updated_at=self.now()))
        return _find(conn, image_id, member)

    @writes
    def remove(self, conn: Connection, image_id: str, member: str) -> None:
        """Share the image with this project no more. Raises NotFound."""
        self._hold_shared(conn, image_id)
        alive = update(table).where(_is(image_id, member), table.c.deleted == false())
        if not conn.execute(alive.values(deleted=True, updated_at=self.now())).rowcount:
            raise _unknown(image_id, member)

    def _hold_shared(self, conn: Connection, image_id: str) -> None:
        """See that the image is shared; its row is locked until the end of the transaction."""
        row = conn.execute(
            select(images.c.visibility)
            .where(images.c.id == image_id, images.c.deleted == false())
            .with_for_update()
        ).first()
        _refuse_unshared(image_id, row)

    def _owner(self, conn: Connection, image_id: str, viewer: Viewer | None) -> str | None:
        visible = select(images.c.visibility, images.c.owner).where(
            images.c.id == image_id, images.c.deleted == false(), can_see(viewer)
        )
        row = _refuse_unshared(image_id, conn.execute(visible).first())
        owner: str | None = row.owner
        return owner


def _refuse_unshared(image_id: str, row: Row[*tuple[Any, ...]] | None) -> Row[*tuple[Any, ...]]:
    if row is None:
        raise NotFound(f"No image found with ID {image_id}")
    if row.visibility != "shared":
        raise Forbidden(f"Image {image_id} is {row.visibility}; only shared images have members.")
    return row


def _knows_all(viewer: Viewer | None, owner: str | None) -> bool:
    return viewer is None or viewer.is_admin or (viewer.project is not None and viewer.project == owner)


def _is(image_id: str, member: str) -> ColumnElement[bool]:
    return and_(table.c.image_id == image_id, table.c.member == member)


def _find(conn: Connection, image_id: str, member: str) -> Member:
    row = conn.execute(_MEMBER.where(_is(image_id, member), table.c.deleted == false())).first()
    if row is None:
        raise _unknown(image_id, member)
    return _record(row)


def _record(row: Row[*tuple[Any, ...]]) -> Member:
    return Member(*row)


def _unknown(image_id: str, member: str) -> NotFound:
    return NotFound(f"Project {member[:100]!r} is no member of image {image_id}.")
