"""Who may see which image, as SQL conditions on the images table (``spec/api.md`` §6 and §8)."""

from sqlalchemy import ColumnElement, and_, exists, false, or_, true

from glimpse.catalog.records import Viewer
from glimpse.catalog.tables import image_members as members
from glimpse.catalog.tables import images


def _owned(viewer: Viewer) -> ColumnElement[bool]:
    return false() if viewer.project is None else images.c.owner == viewer.project


def _shared_with(viewer: Viewer, member_status: str = "all") -> ColumnElement[bool]:
    if viewer.project is None:
        return false()
    membership = and_(members.c.image_id == images.c.id, members.c.member == viewer.project)
    if member_status != "all":
        membership = and_(membership, members.c.status == member_status)
    return and_(images.c.visibility == "shared", exists().where(membership))


def can_see(viewer: Viewer | None) -> ColumnElement[bool]:
    """Images that exist for this viewer when asked for by id. A member sees an image before accepting it."""
    if viewer is None or viewer.is_admin:
        return true()
    return or_(
        images.c.visibility.in_(("public", "community")),
        _owned(viewer),
        _shared_with(viewer),
    )


def listed(viewer: Viewer | None, visibility: str | None, member_status: str) -> ColumnElement[bool]:
    """Images that a listing shows: community images of others only to those who ask for them."""
    wanted: ColumnElement[bool] = true()
    if visibility not in (None, "all"):
        wanted = images.c.visibility == visibility
    if viewer is None:
        return wanted
    if viewer.is_admin:
        if visibility is None:
            return or_(images.c.visibility != "community", _owned(viewer))
        return wanted
    open_to_all = ("public", "community") if visibility in ("community", "all") else ("public",)
    return and_(
        wanted,
        or_(
            images.c.visibility.in_(open_to_all),
            _owned(viewer),
            _shared_with(viewer, member_status),
        ),
    )
