"""How much of what limits bound an owner's images take."""

from sqlalchemy import ColumnElement, Connection, and_, case, exists, false, func, or_, select

from glimpse.catalog.records import IMPORTING, Usage
from glimpse.catalog.repository import Repository, reads
from glimpse.catalog.tables import image_locations, image_properties, images

# What is going away does not count.
GOING = ("killed", "deleted", "pending_delete")
STAGING = ("uploading", "importing")
UPLOADING = ("saving", *STAGING)

_COPYING = exists().where(
    image_properties.c.image_id == images.c.id,
    image_properties.c.name == IMPORTING,
    image_properties.c.value.is_not(None),
    image_properties.c.value != "",
)
_COUNTED = and_(images.c.deleted == false(), images.c.status.not_in(GOING))


class Usages(Repository):
    """Sums and counts by owner; ``owner`` None: of images that nobody owns."""

    @reads
    def of(self, conn: Connection, owner: str | None) -> Usage:
        """All four, in two statements. Bytes of an image count once for each of its locations."""
        theirs = _owned(owner)
        staging = or_(images.c.status.in_(STAGING), _COPYING)
        uploading = or_(images.c.status.in_(UPLOADING), _COPYING)
        count, busy, staged = conn.execute(
            select(
                func.count(),
                func.sum(case((uploading, 1), else_=0)),
                func.sum(case((staging, images.c.size), else_=0)),
            ).where(theirs, _COUNTED)
        ).one()
        stored = conn.execute(
            select(func.sum(images.c.size))
            .select_from(images.join(image_locations, image_locations.c.image_id == images.c.id))
            .where(theirs, _COUNTED)
        ).scalar()
        return Usage(int(stored or 0), int(staged or 0), int(count), int(busy or 0))

    @reads
    def count(self, conn: Connection, owner: str | None) -> int:
        """How many images there are, as ``image_count_total``: asked at each creation, so by itself."""
        counted = select(func.count()).select_from(images).where(_owned(owner), _COUNTED)
        return int(conn.execute(counted).scalar_one())


def _owned(owner: str | None) -> ColumnElement[bool]:
    return images.c.owner.is_(None) if owner is None else images.c.owner == owner
