"""Who may see which image."""

from typing import Any, Literal

from sqlalchemy import ColumnElement, and_, bindparam, exists, false, or_, true

from glimpse.catalog.conditions import Compares, Condition, SharedWith, any_way, equals
from glimpse.catalog.records import ImageQuery, Viewer
from glimpse.catalog.tables import image_members as members
from glimpse.catalog.tables import images

Sight = Literal["everything", "open", "project"]
# The parameter of :func:`seen`.
PROJECT = "viewer_project"


def sight(viewer: Viewer | None) -> Sight:
    """How much the viewer sees: of everything, of what is open to all, of that and what concerns a project."""
    if viewer is None or viewer.is_admin:
        return "everything"
    return "open" if viewer.project is None else "project"


def can_see(viewer: Viewer | None) -> ColumnElement[bool]:
    """Images that exist for this viewer when asked for by id. A member sees an image before accepting it."""
    return _seen(sight(viewer), None if viewer is None else viewer.project)


def seen(kind: Sight) -> ColumnElement[bool]:
    """As :func:`can_see`, with the project as parameter :data:`PROJECT`: for statements that are kept."""
    return _seen(kind, bindparam(PROJECT, type_=images.c.owner.type))


def _seen(kind: Sight, project: Any) -> ColumnElement[bool]:
    if kind == "everything":
        return true()
    open_to_all = images.c.visibility.in_(("public", "community"))
    if kind == "open":
        return open_to_all
    member = exists().where(
        members.c.image_id == images.c.id, members.c.member == project, members.c.deleted == false()
    )
    return or_(open_to_all, images.c.owner == project, and_(images.c.visibility == "shared", member))


def listed(viewer: Viewer | None, query: ImageQuery) -> list[tuple[Condition, ...]]:
    """Which images a listing shows, as alternatives; each begins with the condition that an index can lead to.

    Community images of others are for those who ask for them.
    """
    asked = query.visibility
    anything = asked in (None, "all")
    if viewer is None or viewer.is_admin:
        if viewer is not None and asked is None:
            return [(_not_of_others(viewer),)]
        return [() if anything else (equals("visibility", asked),)]
    open_to_all = ("public",) if asked is None else ("public", "community")
    ways: list[tuple[Condition, ...]] = [
        (equals("visibility", way),) for way in open_to_all if anything or asked == way
    ]
    if viewer.project is not None:
        own = equals("owner", viewer.project)
        ways.append((own,) if anything else (own, equals("visibility", asked)))
        if anything or asked == "shared":
            ways.append((shared_with(viewer.project, query.member_status), equals("visibility", "shared")))
    return ways


def shared_with(project: str, status: str) -> Condition:
    """Shared with this project by a membership of this status ("all": of any)."""
    any_status = status == "all"
    return Condition(SharedWith(any_status), (project,) if any_status else (project, status))


def _not_of_others(viewer: Viewer) -> Condition:
    ways = [[Condition(Compares("visibility", "neq"), ("community",))]]
    if viewer.project is not None:
        ways.append([equals("owner", viewer.project)])
    return any_way(ways)
