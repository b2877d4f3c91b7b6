"""How Alembic runs our scripts: on the connection it is given, in that connection's transaction."""

from alembic import context
from sqlalchemy import Connection

from glimpse.catalog.tables import metadata


def run(connection: Connection) -> None:
    """``transactional_ddl``: on SQLite, whose transactions we begin ourselves, creating a table can be undone
    too.
    """
    context.configure(
        connection=connection,
        target_metadata=metadata,
        transactional_ddl=connection.dialect.name in ("sqlite", "postgresql"),
        compare_type=True,
        render_as_batch=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run(context.config.attributes["connection"])
