"""Running the migrations from inside the package."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, text

from glimpse.catalog.urls import place
from glimpse.errors import Invalid

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
    connection. Raises Invalid where the schema is none of ours.
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
    except CommandError as error:
        raise Invalid(
            f"The database {place(connection.engine.url)} has the schema of another program or of a newer "
            f"version: {error}",
            hint="Give it a new, empty database in [database] connection, or run the newer version.",
        ) from error
    finally:
        if dialect in ("mysql", "mariadb"):
            connection.execute(text("SELECT RELEASE_LOCK(:name)"), {"name": MARIADB_LOCK})
