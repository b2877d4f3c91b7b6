"""What one owner's images take, as it is counted where something begins that takes more.

Other than in :class:`glimpse.catalog.usages.Usages`, what running uploads and imports were granted counts already.
"""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, exists, false, func, or_, select

from glimpse.catalog.records import IMPORTING
from glimpse.catalog.tables import image_locations, image_properties, images, imports, uploads

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
IS_STAGED = or_(images.c.status.in_(STAGING), _COPYING)
IS_UPLOADING = or_(images.c.status.in_(UPLOADING), _COPYING)
COUNTED = and_(images.c.deleted == false(), images.c.status.not_in(GOING))
IN_PLACES = images.join(image_locations, image_locations.c.image_id == images.c.id)

# A location of an import that was granted its bytes: they count with the grant.
_GRANTED = exists().where(
    imports.c.id == image_locations.c.import_id,
    imports.c.lock_image_id.is_not(None),
    imports.c.reserved.is_not(None),
)


def owned(owner: str | None) -> ColumnElement[bool]:
    """The images of this owner; None: those that nobody owns."""
    return images.c.owner.is_(None) if owner is None else images.c.owner == owner


class Ledger:
    """Counts within a transaction. Each count is one statement: what moves from a grant to the stores while it is
    counted is seen once.
    """

    def __init__(self, conn: Connection, owner: str | None) -> None:
        self._conn = conn
        self._theirs = owned(owner)

    def images(self) -> int:
        """Images."""
        return self._sum(select(func.count()).select_from(images).where(self._theirs, COUNTED))

    def uploading(self) -> int:
        """Images whose data is on its way."""
        uploading = func.sum(case((IS_UPLOADING, 1), else_=0))
        return self._sum(select(uploading).select_from(images).where(self._theirs, COUNTED))

    def staged(self) -> int:
        """Bytes in staging, or granted to uploads to it."""
        size = func.sum(case((IS_STAGED, images.c.size), else_=0))
        return self._sum(
            select(size).select_from(images).where(self._theirs, COUNTED), self._granted_to_uploads("stage")
        )

    def stored(self, but: str = "") -> int:
        """Bytes in stores, once for each location, or granted to uploads and imports but the import of this id."""
        return self._sum(
            select(func.sum(images.c.size)).select_from(IN_PLACES).where(self._theirs, COUNTED, ~_GRANTED),
            self._granted_to_uploads("file"),
            select(func.sum(imports.c.reserved))
            .select_from(imports.join(images, imports.c.lock_image_id == images.c.id))
            .where(self._theirs, imports.c.lock_image_id.is_not(None), imports.c.id != but),
        )

    def _granted_to_uploads(self, kind: str) -> Select[Any]:
        return (
            select(func.sum(uploads.c.reserved))
            .select_from(uploads.join(images, uploads.c.image_id == images.c.id))
            .where(self._theirs, uploads.c.kind == kind)
        )

    def _sum(self, *parts: Select[Any]) -> int:
        row = self._conn.execute(select(*(part.scalar_subquery() for part in parts))).one()
        return sum(int(number or 0) for number in row)
