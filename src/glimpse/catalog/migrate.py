"""Running the migrations from inside the package."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

SCRIPTS = Path(__file__).with_name("migrations")

# Any number that nothing else on the same server uses: "glimpse" as bytes, cut to 63 bits.
POSTGRESQL_LOCK = int.from_bytes(b"glimpse", "big")
MARIADB_LOCK = "glimpse-schema"
MARIADB_LOCK_SECONDS = 600


def configuration(connection: Connection | None = None) -> Config:
    """Alembic's configuration for our scripts, working on ``connection``."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def upgrade(connection: Connection, revision: str = "head") -> None:
    """To the newest revision (or another one), on a connection in a write transaction.

    Whoever comes second waits and then finds nothing to do: SQLite by its write lock, PostgreSQL by a lock
    that ends with the transaction, MariaDB (where creating a table commits) by a lock that ends with the
    connection.
    """
    dialect = connection.dialect.name
    if dialect == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": POSTGRESQL_LOCK})
    elif dialect in ("mysql", "mariadb"):
        lock = {"name": MARIADB_LOCK, "seconds": MARIADB_LOCK_SECONDS}
        if connection.execute(text("SELECT GET_LOCK(:name, :seconds)"), lock).scalar() != 1:
            raise TimeoutError("another process has been changing the schema for ten minutes")
    try:
        command.upgrade(configuration(connection), revision)
        if dialect in ("mysql", "mariadb"):
            # The version is a row: whoever gets the lock next must see it.
            connection.execute(text("COMMIT"))
    finally:
        if dialect in ("mysql", "mariadb"):
            connection.execute(text("SELECT RELEASE_LOCK(:name)"), {"name": MARIADB_LOCK})
