"""The tables. ``migrations/`` creates them; a test proves that both agree.

Nothing here is special to one database: lengths are given, indexes are plain column lists that fit MariaDB's
limit of 3,072 bytes (utf8mb4), and JSON is text.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    UniqueConstraint,
    false,
)

from glimpse.catalog.types import Json, LongText, RowNumber, SmallestNull, Timestamp, text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)
OPTIONS: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_nopad_bin",
}


def _image_id(*, primary_key: bool = False) -> Column[str]:
    return Column("image_id", text(36), ForeignKey("images.id"), primary_key=primary_key, nullable=False)


def _in_order(column: Column[Any]) -> ColumnElement[Any]:
    return SmallestNull(column) if column.nullable else column


images = Table(
    "images",
    metadata,
    Column("id", text(36), primary_key=True),
    Column("name", text(255)),
    Column("status", text(30), nullable=False),
    Column("visibility", text(30), nullable=False),
    Column("protected", Boolean, nullable=False),
    Column("os_hidden", Boolean, nullable=False),
    Column("checksum", text(32)),
    Column("os_hash_algo", text(64)),
    Column("os_hash_value", text(128)),
    Column("owner", text(255)),
    Column("size", BigInteger),
    Column("virtual_size", BigInteger),
    Column("disk_format", text(64)),
    Column("container_format", text(64)),
    Column("min_disk", Integer, nullable=False),
    Column("min_ram", Integer, nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Column("updated_at", Timestamp, nullable=False),
    # Whether it is gone; the row stays, so that its id stays taken. First in the indexes of the listing.
    Column("deleted", Boolean, nullable=False),
    Column("deleted_at", Timestamp),
    # The number of the last claim; only counts up.
    Column("claim", BigInteger, nullable=False),
    **OPTIONS,
)
# A listing always fixes `deleted` and nearly always `os_hidden`, then walks one of these in its sort order.
for _key in ("created_at", "updated_at", "name", "status", "size", "disk_format", "container_format"):
    _order = ("deleted", "os_hidden", _key, "created_at", "id")
    Index(f"ix_images_by_{_key}", *(_in_order(images.c[name]) for name in dict.fromkeys(_order)))
Index("ix_images_by_id", images.c.deleted, images.c.os_hidden, images.c.id)
for _key in ("virtual_size", "min_disk", "min_ram", "protected", "os_hash_algo"):
    _filter = ("deleted", "os_hidden", _key, "id")
    Index(f"ix_images_by_{_key}", *(_in_order(images.c[name]) for name in _filter))
for _key in ("owner", "visibility"):
    Index(
        f"ix_images_by_{_key}",
        *(images.c[name] for name in (_key, "deleted", "os_hidden", "created_at", "id")),
    )
Index("ix_images_by_checksum", images.c.checksum)
Index("ix_images_by_os_hash_value", images.c.os_hash_value)

image_properties = Table(
    "image_properties",
    metadata,
    _image_id(primary_key=True),
    Column("name", text(255), primary_key=True),
    Column("value", LongText),
    # A number made of name and value: texts of any length cannot be indexed everywhere, numbers can.
    Column("fingerprint", BigInteger, nullable=False),
    Index("ix_image_properties_by_fingerprint", "fingerprint", "image_id"),
    **OPTIONS,
)

image_tags = Table(
    "image_tags",
    metadata,
    _image_id(primary_key=True),
    Column("tag", text(255), primary_key=True),
    Index("ix_image_tags_by_tag", "tag", "image_id"),
    **OPTIONS,
)

image_locations = Table(
    "image_locations",
    metadata,
    Column("id", RowNumber, primary_key=True, autoincrement=True),
    _image_id(),
    Column("store", text(255)),
    Column("url", LongText, nullable=False),
    Column("metadata", Json, nullable=False),
    # Which import made it, so that a failed one can take back exactly its own.
    Column("import_id", text(36)),
    Column("created_at", Timestamp, nullable=False),
    Index("ix_image_locations_by_image", "image_id", "id"),
    Index("ix_image_locations_by_store", "store", "image_id"),
    **OPTIONS,
)

image_members = Table(
    "image_members",
    metadata,
    _image_id(primary_key=True),
    Column("member", text(255), primary_key=True),
    Column("status", text(20), nullable=False),
    # Whether it was taken back; the row stays and is used again when the image is shared again.
    Column("deleted", Boolean, nullable=False, default=False, server_default=false()),
    Column("created_at", Timestamp, nullable=False),
    Column("updated_at", Timestamp, nullable=False),
    Index("ix_image_members_by_member", "member", "deleted", "status", "image_id"),
    **OPTIONS,
)

uploads = Table(
    "uploads",
    metadata,
    Column("id", text(36), primary_key=True),
    _image_id(),
    Column("kind", text(10), nullable=False),
    Column("store", text(255)),
    Column("owner_process", text(255), nullable=False),
    Column("claim", BigInteger, nullable=False),
    Column("lease_until", Timestamp, nullable=False),
    Column("created_at", Timestamp, nullable=False),
    # Bytes of the owner's limit that it was granted; NULL: none.
    Column("reserved", BigInteger),
    UniqueConstraint("image_id"),
    Index("ix_uploads_by_lease", "lease_until"),
    **OPTIONS,
)

staged = Table(
    "staged",
    metadata,
    _image_id(primary_key=True),
    Column("host", text(255), nullable=False),
    Column("path", LongText, nullable=False),
    Column("device", BigInteger, nullable=False),
    Column("inode", BigInteger, nullable=False),
    Column("length", BigInteger, nullable=False),
    Column("modified_ns", BigInteger, nullable=False),
    Column("digests", Json, nullable=False),
    Column("format", text(64)),
    Column("virtual_size", BigInteger),
    Column("refusal", LongText),
    Column("wrapper", text(64)),
    Index("ix_staged_by_host", "host"),
    **OPTIONS,
)

imports = Table(
    "imports",
    metadata,
    Column("id", text(36), primary_key=True),
    _image_id(),
    # The lock: the image's id while the import runs, NULL once it has ended.
    Column("lock_image_id", text(36)),
    Column("status", text(20), nullable=False),
    Column("method", text(64), nullable=False),
    # As it is shown. What must stay secret while the import runs is in ``sealed``, encrypted; NULL at its end.
    Column("request", Json, nullable=False),
    Column("sealed", LongText),
    Column("stores", Json, nullable=False),
    Column("lists_stores", Boolean, nullable=False),
    Column("all_stores_must_succeed", Boolean, nullable=False),
    Column("owner", text(255)),
    Column("user_id", text(255)),
    Column("roles", Json, nullable=False),
    Column("request_id", text(255)),
    Column("host", text(255)),
    Column("claim", BigInteger, nullable=False),
    Column("claimed_by", text(255)),
    Column("lease_until", Timestamp),
    Column("attempts", Integer, nullable=False),
    Column("plan", Json),
    Column("state", Json, nullable=False),
    Column("phases", Json, nullable=False),
    # What injection changed: {property: [value before or null where there was none, value now]}.
    Column("injected", Json, nullable=False),
    Column("message", LongText, nullable=False),
    Column("result", Json),
    Column("error", Json),
    Column("created_at", Timestamp, nullable=False),
    Column("updated_at", Timestamp, nullable=False),
    Column("expires_at", Timestamp),
    # Bytes of the owner's limit that it was granted; they count while it has the lock. NULL: none.
    Column("reserved", BigInteger),
    UniqueConstraint("lock_image_id"),
    Index("ix_imports_by_image", "image_id", "created_at"),
    Index("ix_imports_by_lease", "status", "lease_until"),
    Index("ix_imports_by_expiry", "expires_at"),
    Index("ix_imports_by_created_at", "created_at", "id"),
    **OPTIONS,
)

import_targets = Table(
    "import_targets",
    metadata,
    Column("import_id", text(36), ForeignKey("imports.id"), primary_key=True),
    Column("store", text(255), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("state", text(20), nullable=False),
    Column("url", LongText),
    Column("error", LongText),
    **OPTIONS,
)

# Locked while what an owner's images take is counted and more of it is granted; see glimpse.catalog.admission.
owner_turns = Table(
    "owner_turns",
    metadata,
    # Empty for images that nobody owns.
    Column("owner", text(255), primary_key=True),
    **OPTIONS,
)
