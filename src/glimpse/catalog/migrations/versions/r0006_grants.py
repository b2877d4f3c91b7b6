"""What uploads and imports were granted of a limit, and a row for each owner whose turn it is to be granted more."""

import sqlalchemy as sa
from alembic import op

from glimpse.catalog.types import text

revision = "r0006"
down_revision = "r0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this revision. What runs now was granted nothing, and counts when it has ended."""
    for table in ("uploads", "imports"):
        op.add_column(table, sa.Column("reserved", sa.BigInteger(), nullable=True))
    op.create_table(
        "owner_turns",
        sa.Column("owner", text(255), nullable=False),
        sa.PrimaryKeyConstraint("owner", name="pk_owner_turns"),
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_nopad_bin",
    )


def downgrade() -> None:
    """To the fifth."""
    op.drop_table("owner_turns")
    for table in ("uploads", "imports"):
        op.drop_column(table, "reserved")
