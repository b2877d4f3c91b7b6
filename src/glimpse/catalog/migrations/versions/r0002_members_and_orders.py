"""Memberships that are taken back stay as rows; an index for every documented filter and order."""

import sqlalchemy as sa
from alembic import op

revision = "r0002"
down_revision = "r0001"
branch_labels = None
depends_on = None

# Filters that had no index, and whether they may be NULL.
FILTERS = {"virtual_size": True, "min_disk": False, "min_ram": False, "protected": False}
# Orders by attributes that may be NULL, which counts as the smallest value. PostgreSQL's indexes hold NULL as
# the largest unless told, and then serve only the other order.
NULLABLE_ORDERS = ("name", "size", "disk_format", "container_format")


def upgrade() -> None:
    """To this revision."""
    op.add_column(
        "image_members",
        sa.Column("deleted", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.drop_index("ix_image_members_by_member", "image_members")
    op.create_index(
        "ix_image_members_by_member", "image_members", ["member", "deleted", "status", "image_id"]
    )
    nulls = " NULLS FIRST" if op.get_bind().dialect.name == "postgresql" else ""
    for key, nullable in FILTERS.items():
        column = sa.text(key + nulls) if nullable else key
        op.create_index(f"ix_images_by_{key}", "images", ["deleted", "os_hidden", column, "id"])
    op.create_index("ix_imports_by_created_at", "imports", ["created_at", "id"])
    if nulls:
        _order_again(nulls)


def downgrade() -> None:
    """To the first schema."""
    if op.get_bind().dialect.name == "postgresql":
        _order_again("")
    op.drop_index("ix_imports_by_created_at", "imports")
    for key in FILTERS:
        op.drop_index(f"ix_images_by_{key}", "images")
    op.execute("DELETE FROM image_members WHERE deleted")
    op.drop_index("ix_image_members_by_member", "image_members")
    op.create_index("ix_image_members_by_member", "image_members", ["member", "status", "image_id"])
    with op.batch_alter_table("image_members") as members:
        members.drop_column("deleted")


def _order_again(nulls: str) -> None:
    for key in NULLABLE_ORDERS:
        name = f"ix_images_by_{key}"
        op.drop_index(name, "images")
        op.create_index(name, "images", ["deleted", "os_hidden", sa.text(key + nulls), "created_at", "id"])
