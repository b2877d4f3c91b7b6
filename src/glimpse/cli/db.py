"""``glimpse db``: the database of the service."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from glimpse.cli.options import file_options, source

if TYPE_CHECKING:
    from glimpse.config import Settings


@click.group()
def db() -> None:
    """Look after the database."""


@db.command()
@file_options
def upgrade(config_file: tuple[Path, ...], config_dir: tuple[Path, ...], data: Path | None) -> None:
    """Create the database, or bring its tables up to this version. Harmless when repeated."""
    settings = source(config_file, config_dir, data).load()
    upgrade_database(settings)
    click.echo("The database is up to date.")


def upgrade_database(settings: "Settings") -> None:
    """Bring the database that ``settings`` name up to this version."""
    from glimpse.catalog import Database

    database = Database(settings.database.connection)
    try:
        database.upgrade()
    finally:
        database.close()
