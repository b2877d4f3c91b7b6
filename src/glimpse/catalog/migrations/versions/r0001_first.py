"""The first schema."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from glimpse.catalog.types import Json, RowNumber, Timestamp, text

revision = "r0001"
down_revision = None
branch_labels = None
depends_on = None

OPTIONS: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "images",
        sa.Column("id", text(36), nullable=False),
        sa.Column("name", text(255), nullable=True),
        sa.Column("status", text(30), nullable=False),
        sa.Column("visibility", text(30), nullable=False),
        sa.Column("protected", sa.Boolean(), nullable=False),
        sa.Column("os_hidden", sa.Boolean(), nullable=False),
        sa.Column("checksum", text(32), nullable=True),
        sa.Column("os_hash_algo", text(64), nullable=True),
        sa.Column("os_hash_value", text(128), nullable=True),
        sa.Column("owner", text(255), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("virtual_size", sa.BigInteger(), nullable=True),
        sa.Column("disk_format", text(64), nullable=True),
        sa.Column("container_format", text(64), nullable=True),
        sa.Column("min_disk", sa.Integer(), nullable=False),
        sa.Column("min_ram", sa.Integer(), nullable=False),
        sa.Column("created_at", Timestamp, nullable=False),
        sa.Column("updated_at", Timestamp, nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("deleted_at", Timestamp, nullable=True),
        sa.Column("claim", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_images"),
        **OPTIONS,
    )
    op.create_index("ix_images_by_checksum", "images", ["checksum"])
    op.create_index(
        "ix_images_by_container_format",
        "images",
        ["deleted", "os_hidden", "container_format", "created_at", "id"],
    )
    op.create_index("ix_images_by_created_at", "images", ["deleted", "os_hidden", "created_at", "id"])
    op.create_index(
        "ix_images_by_disk_format", "images", ["deleted", "os_hidden", "disk_format", "created_at", "id"]
    )
    op.create_index("ix_images_by_id", "images", ["deleted", "os_hidden", "id"])
    op.create_index("ix_images_by_name", "images", ["deleted", "os_hidden", "name", "created_at", "id"])
    op.create_index("ix_images_by_os_hash_value", "images", ["os_hash_value"])
    op.create_index("ix_images_by_owner", "images", ["owner", "deleted", "os_hidden", "created_at", "id"])
    op.create_index("ix_images_by_size", "images", ["deleted", "os_hidden", "size", "created_at", "id"])
    op.create_index("ix_images_by_status", "images", ["deleted", "os_hidden", "status", "created_at", "id"])
    op.create_index(
        "ix_images_by_updated_at", "images", ["deleted", "os_hidden", "updated_at", "created_at", "id"]
    )
    op.create_index(
        "ix_images_by_visibility", "images", ["visibility", "deleted", "os_hidden", "created_at", "id"]
    )
    op.create_table(
        "jobs",
        sa.Column("uuid", text(36), nullable=False),
        sa.Column("name", text(255), nullable=False),
        sa.Column("details", Json, nullable=False),
        sa.Column("host", text(255), nullable=True),
        sa.Column("owner", text(255), nullable=True),
        sa.Column("lease_until", Timestamp, nullable=True),
        sa.Column("created_at", Timestamp, nullable=False),
        sa.PrimaryKeyConstraint("uuid", name="pk_jobs"),
        **OPTIONS,
    )
    op.create_index("ix_jobs_by_created_at", "jobs", ["created_at"])
    op.create_table(
        "image_locations",
        sa.Column("id", RowNumber, autoincrement=True, nullable=False),
        sa.Column("image_id", text(36), nullable=False),
        sa.Column("store", text(255), nullable=True),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("metadata", Json, nullable=False),
        sa.Column("import_id", text(36), nullable=True),
        sa.Column("created_at", Timestamp, nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"], name="fk_image_locations_image_id"),
        sa.PrimaryKeyConstraint("id", name="pk_image_locations"),
        **OPTIONS,
    )
    op.create_index("ix_image_locations_by_image", "image_locations", ["image_id", "id"])
    op.create_index("ix_image_locations_by_store", "image_locations", ["store", "image_id"])
    op.create_table(
        "image_members",
        sa.Column("image_id", text(36), nullable=False),
        sa.Column("member", text(255), nullable=False),
        sa.Column("status", text(20), nullable=False),
        sa.Column("created_at", Timestamp, nullable=False),
        sa.Column("updated_at", Timestamp, nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"], name="fk_image_members_image_id"),
        sa.PrimaryKeyConstraint("image_id", "member", name="pk_image_members"),
        **OPTIONS,
    )
    op.create_index("ix_image_members_by_member", "image_members", ["member", "status", "image_id"])
    op.create_table(
        "image_properties",
        sa.Column("image_id", text(36), nullable=False),
        sa.Column("name", text(255), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("fingerprint", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"], name="fk_image_properties_image_id"),
        sa.PrimaryKeyConstraint("image_id", "name", name="pk_image_properties"),
        **OPTIONS,
    )
    op.create_index("ix_image_properties_by_fingerprint", "image_properties", ["fingerprint", "image_id"])
    op.create_table(
        "image_tags",
        sa.Column("image_id", text(36), nullable=False),
        sa.Column("tag", text(255), nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"], name="fk_image_tags_image_id"),
        sa.PrimaryKeyConstraint("image_id", "tag", name="pk_image_tags"),
        **OPTIONS,
    )
    op.create_index("ix_image_tags_by_tag", "image_tags", ["tag", "image_id"])
    op.create_table(
        "imports",
        sa.Column("id", text(36), nullable=False),
        sa.Column("image_id", text(36), nullable=False),
        sa.Column("lock_image_id", text(36), nullable=True),
        sa.Column("status", text(20), nullable=False),
        sa.Column("method", text(64), nullable=False),
        sa.Column("request", Json, nullable=False),
        sa.Column("stores", Json, nullable=False),
        sa.Column("lists_stores", sa.Boolean(), nullable=False),
        sa.Column("all_stores_must_succeed", sa.Boolean(), nullable=False),
        sa.Column("owner", text(255), nullable=True),
        sa.Column("user_id", text(255), nullable=True),
        sa.Column("roles", Json, nullable=False),
        sa.Column("request_id", text(255), nullable=True),
        sa.Column("host", text(255), nullable=True),
        sa.Column("claim", sa.BigInteger(), nullable=False),
        sa.Column("claimed_by", text(255), nullable=True),
        sa.Column("lease_until", Timestamp, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("plan", Json, nullable=True),
        sa.Column("state", Json, nullable=False),
        sa.Column("phases", Json, nullable=False),
        sa.Column("injected", Json, nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("result", Json, nullable=True),
        sa.Column("error", Json, nullable=True),
        sa.Column("created_at", Timestamp, nullable=False),
        sa.Column("updated_at", Timestamp, nullable=False),
        sa.Column("expires_at", Timestamp, nullable=True),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"], name="fk_imports_image_id"),
        sa.PrimaryKeyConstraint("id", name="pk_imports"),
        sa.UniqueConstraint("lock_image_id", name="uq_imports_lock_image_id"),
        **OPTIONS,
    )
    op.create_index("ix_imports_by_expiry", "imports", ["expires_at"])
    op.create_index("ix_imports_by_image", "imports", ["image_id", "created_at"])
    op.create_index("ix_imports_by_lease", "imports", ["status", "lease_until"])
    op.create_table(
        "staged",
        sa.Column("image_id", text(36), nullable=False),
        sa.Column("host", text(255), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("device", sa.BigInteger(), nullable=False),
        sa.Column("inode", sa.BigInteger(), nullable=False),
        sa.Column("length", sa.BigInteger(), nullable=False),
        sa.Column("modified_ns", sa.BigInteger(), nullable=False),
        sa.Column("digests", Json, nullable=False),
        sa.Column("format", text(64), nullable=True),
        sa.Column("virtual_size", sa.BigInteger(), nullable=True),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.Column("wrapper", text(64), nullable=True),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"], name="fk_staged_image_id"),
        sa.PrimaryKeyConstraint("image_id", name="pk_staged"),
        **OPTIONS,
    )
    op.create_index("ix_staged_by_host", "staged", ["host"])
    op.create_table(
        "uploads",
        sa.Column("id", text(36), nullable=False),
        sa.Column("image_id", text(36), nullable=False),
        sa.Column("kind", text(10), nullable=False),
        sa.Column("store", text(255), nullable=True),
        sa.Column("owner_process", text(255), nullable=False),
        sa.Column("claim", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", Timestamp, nullable=False),
        sa.Column("created_at", Timestamp, nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"], name="fk_uploads_image_id"),
        sa.PrimaryKeyConstraint("id", name="pk_uploads"),
        sa.UniqueConstraint("image_id", name="uq_uploads_image_id"),
        **OPTIONS,
    )
    op.create_index("ix_uploads_by_lease", "uploads", ["lease_until"])
    op.create_table(
        "import_targets",
        sa.Column("import_id", text(36), nullable=False),
        sa.Column("store", text(255), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("state", text(20), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name="fk_import_targets_import_id"),
        sa.PrimaryKeyConstraint("import_id", "store", name="pk_import_targets"),
        **OPTIONS,
    )


def downgrade() -> None:
    """Back to an empty database."""
    for table in (
        "import_targets",
        "uploads",
        "staged",
        "imports",
        "image_tags",
        "image_properties",
        "image_members",
        "image_locations",
        "jobs",
        "images",
    ):
        op.drop_table(table)
