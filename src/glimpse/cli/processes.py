"""``glimpse api`` and ``glimpse conductor``: each kind of process alone, for larger installations."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from glimpse.cli.checks import check_api, check_plugins
from glimpse.cli.options import Source, file_options, network_options, plugin_option, source

if TYPE_CHECKING:
    from glimpse.config import Settings

# Set by the supervisor for its children: it has already said what there is to say about the configuration.
SUPERVISED_VARIABLE = "GLIMPSE_SUPERVISED"


@click.command()
@network_options
@file_options
@plugin_option
def api(
    host: str | None,
    port: int | None,
    data: Path | None,
    plugins: str | None,
    config_file: tuple[Path, ...],
    config_dir: tuple[Path, ...],
) -> None:
    """Run the HTTP API alone; imports wait until a conductor runs on the same database."""
    settings = start(source(config_file, config_dir, data, plugins, host, port))
    # The supervisor has had it checked, in a child that took the memory for that with it.
    if SUPERVISED_VARIABLE not in os.environ:
        check_api(settings)
    from glimpse.api.server import run

    run(settings)


@click.command()
@file_options
@plugin_option
def conductor(
    data: Path | None, plugins: str | None, config_file: tuple[Path, ...], config_dir: tuple[Path, ...]
) -> None:
    """Run one conductor alone: it does the imports that any API process of the same database accepts."""
    settings = start(source(config_file, config_dir, data, plugins))
    from glimpse.imports.process import run

    run(settings)


def start(where: Source) -> "Settings":
    """Load and check the settings, let further processes find them, and begin to log."""
    where.publish()
    settings = where.load()
    if SUPERVISED_VARIABLE not in os.environ:
        check_plugins(settings)
        for warning in settings.warnings:
            click.echo(f"glimpse: warning: {warning}", err=True)
    from glimpse.access.selection import kind_of

    kind_of(settings)
    from glimpse.cli.logs import configure

    configure(settings)
    return settings
