"""Who may see which image, as SQL conditions on the images table."""

from sqlalchemy import ColumnElement, Connection, Select, and_, false, func, or_, select, true

from glimpse.catalog.few import few
from glimpse.catalog.records import ImageQuery, Viewer
from glimpse.catalog.tables import image_members as members
from glimpse.catalog.tables import images


def _owned(viewer: Viewer) -> ColumnElement[bool]:
    return false() if viewer.project is None else images.c.owner == viewer.project


def _memberships(viewer: Viewer, status: str = "all") -> Select[str]:
    mine = select(members.c.image_id).where(members.c.member == viewer.project, members.c.deleted == false())
    return mine if status == "all" else mine.where(members.c.status == status)


def can_see(viewer: Viewer | None) -> ColumnElement[bool]:
    """Images that exist for this viewer when asked for by id. A member sees an image before accepting it."""
    if viewer is None or viewer.is_admin:
        return true()
    open_to_all = images.c.visibility.in_(("public", "community"))
    if viewer.project is None:
        return open_to_all
    shared = and_(images.c.visibility == "shared", images.c.id.in_(_memberships(viewer)))
    return or_(open_to_all, _owned(viewer), shared)


def listed(conn: Connection, viewer: Viewer | None, query: ImageQuery) -> list[ColumnElement[bool]]:
    """Which images a listing shows, as alternatives of which each can use an index of its own.

    Community images of others are for those who ask for them.
    """
    asked = query.visibility
    anything = asked in (None, "all")
    if viewer is None or viewer.is_admin:
        if viewer is not None and asked is None:
            return [or_(images.c.visibility != "community", _owned(viewer))]
        return [true() if anything else images.c.visibility == asked]
    open_to_all = ("public",) if asked is None else ("public", "community")
    ways = [images.c.visibility == way for way in open_to_all if anything or asked == way]
    if viewer.project is not None:
        # Not the bare column: to a database without statistics its index would look as good as the owner's or
        # the ids', and lead past everybody else's images.
        visibility = func.coalesce(images.c.visibility, "")
        ways.append(_owned(viewer) if anything else and_(_owned(viewer), visibility == asked))
        if anything or asked == "shared":
            mine = _memberships(viewer, query.member_status)
            shared = few(conn, mine)
            if shared != []:
                ways.append(and_(visibility == "shared", images.c.id.in_(mine if shared is None else shared)))
    return ways or [false()]
