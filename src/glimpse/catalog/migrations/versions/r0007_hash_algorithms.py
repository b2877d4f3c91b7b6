"""An index for the images whose digest is of some algorithm."""

import sqlalchemy as sa
from alembic import op

revision = "r0007"
down_revision = "r0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this revision."""
    nulls = " NULLS FIRST" if op.get_bind().dialect.name == "postgresql" else ""
    column = sa.text(f"os_hash_algo{nulls}")
    op.create_index("ix_images_by_os_hash_algo", "images", ["deleted", "os_hidden", column, "id"])


def downgrade() -> None:
    """To the sixth."""
    op.drop_index("ix_images_by_os_hash_algo", "images")
