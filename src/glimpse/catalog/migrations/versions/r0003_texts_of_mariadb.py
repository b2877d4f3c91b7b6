"""On MariaDB, spaces at the end count, and long texts may be longer than 64 KiB, as on the other databases."""

from alembic import op
from sqlalchemy import Connection, text

revision = "r0003"
down_revision = "r0002"
branch_labels = None
depends_on = None

# Each table, with what it refers to.
TABLES = {
    "images": None,
    "image_properties": ("image_id", "images"),
    "image_tags": ("image_id", "images"),
    "image_locations": ("image_id", "images"),
    "image_members": ("image_id", "images"),
    "uploads": ("image_id", "images"),
    "staged": ("image_id", "images"),
    "imports": ("image_id", "images"),
    "import_targets": ("import_id", "imports"),
    "jobs": None,
}
# Table, column, and whether it may be NULL.
LONG = (
    ("image_properties", "value", True),
    ("image_locations", "url", False),
    ("staged", "path", False),
    ("staged", "refusal", True),
    ("imports", "message", False),
    ("import_targets", "url", True),
    ("import_targets", "error", True),
)


def upgrade() -> None:
    """To this revision."""
    _alter("utf8mb4_nopad_bin", "MEDIUMTEXT")


def downgrade() -> None:
    """To the second; refused by MariaDB where a text has become too long or differs by a space only."""
    _alter("utf8mb4_bin", "TEXT")


def _alter(collation: str, long: str) -> None:
    """May be run again where it was cut off: MariaDB cannot undo what has been done to a table."""
    connection = op.get_bind()
    if connection.dialect.name != "mysql":
        return
    # MySQL has no such collation; there the old one stays.
    converts = bool(getattr(connection.dialect, "is_mariadb", False))
    references = {table: to for table, to in TABLES.items() if to is not None and converts}
    # Both ends of a reference have to change, and neither can while it stands.
    for table, (column, _) in references.items():
        _alter_table(connection, table, [f"DROP FOREIGN KEY IF EXISTS fk_{table}_{column}"])
    for table in TABLES:
        changes = _longer(table, long, collation if converts else "utf8mb4_bin")
        if converts:
            changes.append(f"CONVERT TO CHARACTER SET utf8mb4 COLLATE {collation}")
        _alter_table(connection, table, changes)
    for table, (column, other) in references.items():
        name = f"fk_{table}_{column}"
        key = f"ADD CONSTRAINT {name} FOREIGN KEY ({column}) REFERENCES {other} (id)"
        _alter_table(connection, table, [key])


def _longer(table: str, long: str, collation: str) -> list[str]:
    """How the long texts of the table are changed."""
    return [
        f"MODIFY {column} {long} CHARACTER SET utf8mb4 COLLATE {collation} {'NULL' if empty else 'NOT NULL'}"
        for name, column, empty in LONG
        if name == table
    ]


def _alter_table(connection: Connection, table: str, changes: list[str]) -> None:
    """All in one statement, since MariaDB copies the table for each."""
    if changes:
        connection.execute(text(f"ALTER TABLE {table} {', '.join(changes)}"))
