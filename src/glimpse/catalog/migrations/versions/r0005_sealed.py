"""What an import needs and nobody may read is kept apart from its request, encrypted, until it ends."""

import sqlalchemy as sa
from alembic import op

from glimpse.catalog.types import LongText

revision = "r0005"
down_revision = "r0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this revision. What stood in requests before stays there, and goes with their tasks."""
    op.add_column("imports", sa.Column("sealed", LongText, nullable=True))


def downgrade() -> None:
    """To the fourth: imports that run now lose what was sealed, and fail."""
    op.drop_column("imports", "sealed")
