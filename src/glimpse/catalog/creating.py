"""Making an image within a transaction."""

import uuid
from datetime import datetime

from sqlalchemy import Connection, insert
from sqlalchemy.exc import IntegrityError

from glimpse.catalog import properties, tags
from glimpse.catalog.changes import ATTRIBUTES
from glimpse.catalog.records import Image, NewImage
from glimpse.catalog.tables import images
from glimpse.errors import Conflict


def create(conn: Connection, new: NewImage, now: datetime) -> Image:
    """A new image, ``queued``. Raises Conflict when the id is taken, also by a deleted image."""
    properties.refuse_reserved(new.properties)
    image_id = new.id or str(uuid.uuid4())
    row = {
        "id": image_id,
        "status": "queued",
        "created_at": now,
        "updated_at": now,
        "deleted": False,
        "claim": 0,
        **{name: getattr(new, name) for name in ATTRIBUTES},
    }
    try:
        conn.execute(insert(images), row)
    except IntegrityError:
        raise Conflict(f"Image ID {image_id} already exists!") from None
    properties.add(conn, image_id, new.properties)
    tags.add(conn, image_id, new.tags)
    return Image(
        **{name: getattr(new, name) for name in ATTRIBUTES},
        id=image_id,
        status="queued",
        checksum=None,
        os_hash_algo=None,
        os_hash_value=None,
        size=None,
        virtual_size=None,
        created_at=now,
        updated_at=now,
        properties=dict(sorted(new.properties.items())),
        tags=tuple(sorted(set(new.tags))),
        locations=(),
        claim=0,
        import_id=None,
    )
