"""What is done once before the service starts: settings checked, database brought up to date.

The supervisor runs this in a child of its own, because the libraries that read the configuration and migrate
the database would otherwise stay in its memory for as long as the service runs.
"""

import json
import os
import sys

import click

from glimpse.api.address import listen_address
from glimpse.api.tls import of as tls_of
from glimpse.cli.checks import check_api, check_plugins, check_port
from glimpse.cli.main import fail
from glimpse.cli.options import CONFIG_VARIABLE, Source
from glimpse.errors import GlimpseError


def prepare(source: Source) -> dict[str, object]:
    """Check, warn, upgrade the database; what the supervisor needs to know."""
    settings = source.load()
    check_plugins(settings)
    for warning in settings.warnings:
        click.echo(f"glimpse: warning: {warning}", err=True)
    check_api(settings)
    tls = tls_of(settings.default) is not None
    address = listen_address(settings.default.bind_host)
    check_port(address, settings.default.bind_port)

    from glimpse.cli.db import upgrade_database

    upgrade_database(settings)
    return {
        "host": address,
        "port": settings.default.bind_port,
        "tls": tls,
        "conductors": settings.glimpse.conductors,
        "data": str(settings.data),
    }


def main() -> None:
    """Read the source from the environment; answer on standard output."""
    try:
        answer = prepare(Source.from_json(os.environ[CONFIG_VARIABLE]))
    except GlimpseError as error:
        fail(error)
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
