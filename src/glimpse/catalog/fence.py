"""Fencing: a write on behalf of an import happens only while the writer's claim number is the newest.

The number stands in the import's row and in the image's. Taking an import over raises both, deleting the
image raises the image's; so whoever slept through its lease, or works on an image that is gone, changes
nothing.
"""

from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from glimpse.catalog.tables import images, imports
from glimpse.errors import ClaimLost, NotFound

# The image's row comes first, as everywhere: two transactions that lock in one order cannot block each other.
_HELD = (
    select(
        images.c.id.label("image_id"),
        images.c.status.label("image_status"),
        images.c.claim.label("image_claim"),
        images.c.deleted,
        imports.c.id,
        imports.c.status,
        imports.c.claim,
        imports.c.claimed_by,
        imports.c.lease_until,
        imports.c.attempts,
        imports.c.lists_stores,
        imports.c.state,
        imports.c.injected,
    )
    .select_from(images.join(imports, imports.c.image_id == images.c.id))
    .where(imports.c.id == bindparam("of"))
    .with_for_update()
)

Held = Row[*tuple[Any, ...]]


def hold(conn: Connection, import_id: str) -> Held:
    """The rows of an import and of its image, locked until the end of the transaction. Raises NotFound."""
    row = conn.execute(_HELD, {"of": import_id}).first()
    if row is None:
        raise NotFound(f"There is no import {import_id}.")
    return row


def fenced(conn: Connection, import_id: str, claim: int, *, pending: bool = False) -> Held:
    """As :func:`hold`, for the holder of ``claim`` only; else ClaimLost.

    ``pending`` admits an import that nobody has taken up yet (its claim is the one that began it).
    """
    row = hold(conn, import_id)
    running = ("processing", "pending") if pending else ("processing",)
    if row.status not in running or row.claim != claim or row.image_claim != claim or row.deleted:
        raise lost(import_id, claim)
    return row


def lost(import_id: str, claim: int) -> ClaimLost:
    """The error of one who holds an old number."""
    return ClaimLost(f"Claim {claim} on import {import_id} is void: it was taken over, or it has ended.")
