"""The states of an image and the ways between them, as data (as the Image API v2 has them)."""

from collections.abc import Mapping

from glimpse.errors import Conflict

TRANSITIONS: Mapping[str, frozenset[str]] = {
    "queued": frozenset({"saving", "uploading", "importing", "active", "deleted"}),
    "saving": frozenset({"active", "killed", "deleted", "queued"}),
    "uploading": frozenset({"importing", "queued", "deleted"}),
    "importing": frozenset({"active", "deleted", "queued"}),
    "active": frozenset({"pending_delete", "deleted", "deactivated"}),
    "deactivated": frozenset({"active", "deleted"}),
    "pending_delete": frozenset({"deleted", "active"}),
    "killed": frozenset({"deleted"}),
    "deleted": frozenset(),
}

# Data of unknown format never becomes an image's: these need disk_format and container_format.
NEEDS_FORMATS = frozenset({"saving", "importing", "active"})

# Formats are facts about the data, so they may be changed only while there is none that anybody reads.
FORMATS_OPEN = frozenset({"queued", "importing"})


def allowed(before: str, after: str) -> bool:
    """Whether an image may go from ``before`` to ``after``. Staying is not a move."""
    return after in TRANSITIONS.get(before, frozenset())


def check(image_id: str, before: str, after: str) -> None:
    """Raise Conflict where :func:`allowed` says no."""
    if not allowed(before, after):
        raise Conflict(f"Image {image_id} is {before}; from there it cannot become {after}.")
