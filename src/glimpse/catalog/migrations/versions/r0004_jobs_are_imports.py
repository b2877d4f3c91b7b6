"""The import record is the job; the rows of the job board are gone."""

import sqlalchemy as sa
from alembic import op

from glimpse.catalog.types import Json, Timestamp, text

revision = "r0004"
down_revision = "r0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this revision. Imports that wait are found by their records."""
    op.drop_table("jobs")


def downgrade() -> None:
    """To the third: imports that wait get their jobs from the conductors."""
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
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )
    op.create_index("ix_jobs_by_created_at", "jobs", ["created_at"])
