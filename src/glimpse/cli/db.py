"""``glimpse db``: the database of the service."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from glimpse.cli.options import file_options, source
from glimpse.errors import Invalid

if TYPE_CHECKING:
    from glimpse.config import Settings

ELSEWHERE = "Name another place: --data"


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


def make_home(data: Path) -> None:
    """Make the data directory: private, since the images of all users are in it."""
    try:
        data.mkdir(mode=0o750, parents=True, exist_ok=True)
    except OSError as error:
        raise Invalid(
            f"the data directory {data} cannot be made: {error.strerror}", hint=ELSEWHERE
        ) from error


def upgrade_database(settings: "Settings") -> None:
    """Bring the database that ``settings`` name up to this version, in a data directory that exists."""
    make_home(settings.data)
    from glimpse.catalog import Database

    database = Database.open(settings.database)
    try:
        database.upgrade()
    finally:
        database.close()
