"""Which properties of an image a client may not write, and what it is told."""

from glimpse.catalog.records import RESERVED_PREFIX
from glimpse.errors import Forbidden

# Attributes that the service alone sets.
READ_ONLY = frozenset({
    "checksum", "created_at", "direct_url", "file", "os_hash_algo", "os_hash_value", "schema", "self", "size",
    "status",    "stores", "updated_at", "virtual_size",
})  # fmt: skip
# Of these a wrong type is told before the refusal, as clients have always seen it.
CHECKED_FIRST = frozenset({"checksum", "created_at", "size", "virtual_size", "status", "updated_at"})
# Names of the database's columns, never properties.
RESERVED = frozenset({"deleted", "deleted_at", "location"})

# Attributes that every image has and no client can remove.
BASE = READ_ONLY | frozenset({
    "container_format", "disk_format", "id", "locations", "min_disk", "min_ram", "name", "os_hidden", "owner",
    "protected", "tags", "visibility",
})  # fmt: skip


def refuse_read_only(name: str) -> None:
    """Raise Forbidden for an attribute that only the service sets."""
    if name in READ_ONLY:
        raise Forbidden(f"The attribute {name} is read-only.")


def refuse_reserved(name: str) -> None:
    """Raise Forbidden for a name that no client may use."""
    if name in RESERVED or name.startswith(RESERVED_PREFIX):
        raise Forbidden(f"The attribute {name[:100]} is reserved.")
