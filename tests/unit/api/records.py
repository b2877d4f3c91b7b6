"""Records to test with."""

import dataclasses
from datetime import UTC, datetime
from typing import Any

from glimpse.access.caller import Caller
from glimpse.catalog.records import Image

ID = "11111111-2222-3333-4444-555555555555"
MEMBER = Caller("u", "blue", frozenset({"member", "reader"}), False)
ADMIN = Caller("root", None, frozenset({"admin"}), True)

QUEUED = Image(
    id=ID,
    name="x",
    status="queued",
    visibility="shared",
    protected=False,
    os_hidden=False,
    checksum=None,
    os_hash_algo=None,
    os_hash_value=None,
    owner="blue",
    size=None,
    virtual_size=None,
    disk_format=None,
    container_format=None,
    min_disk=0,
    min_ram=0,
    created_at=datetime(2026, 1, 2, 3, 4, 5, 678_901, UTC),
    updated_at=datetime(2026, 1, 2, 3, 4, 6, 0, UTC),
    properties={"colour": "blue", "nothing": None, "os_glance_stage_host": "http://here"},
    tags=("a", "b"),
    locations=(),
    claim=0,
    import_id=None,
)


def image(**changes: Any) -> Image:
    """A queued image, with these changes."""
    return dataclasses.replace(QUEUED, **changes)
