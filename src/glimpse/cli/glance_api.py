"""``glance-api``: the command that operators' units already call, with the configuration they have."""

import os
import sys
from pathlib import Path

import click

from glimpse import __version__
from glimpse.cli.main import fail
from glimpse.cli.options import Source, file_options, source
from glimpse.cli.serve import run_service
from glimpse.errors import GlimpseError

# Read in this order when no option names a file; the later one wins.
DEFAULT_DIR = "/etc/glance"
DEFAULT_FILES = ("glance-image-import.conf", "glance-api.conf")
DEFAULT_DROP_INS = ("glance.conf.d", "glance-api.conf.d")

TO_STDERR = "messages go to standard error"
IGNORED = ("--log-file", "--log-dir", "--log-config-append")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@file_options
@click.option(*IGNORED, "ignored", help=f"Accepted, since existing units use it; {TO_STDERR}.")
@click.version_option(__version__, prog_name="glance-api", message="%(prog)s (Glimpse) %(version)s")
def glance_api(
    config_file: tuple[Path, ...], config_dir: tuple[Path, ...], data: Path | None, ignored: str | None
) -> None:
    """Run API and conductor together with the configuration of a Glance installation.

    bind_host, bind_port and workers are honoured. Without options it reads glance-image-import.conf and
    glance-api.conf in /etc/glance (or $OS_GLANCE_CONFIG_DIR), then the directories glance.conf.d and
    glance-api.conf.d there.
    """
    if ignored is not None:
        click.echo(f"glance-api: warning: log options are ignored; {TO_STDERR}", err=True)
    where = source(config_file, config_dir, data)
    if not config_file and not config_dir:
        where = default_source(Path(os.environ.get("OS_GLANCE_CONFIG_DIR", DEFAULT_DIR)), where.data)
    sys.exit(run_service(where))


def default_source(directory: Path, data: Path | None) -> Source:
    """What Glance would read by itself from ``directory``."""
    files = tuple(path for name in DEFAULT_FILES if (path := directory / name).is_file())
    dirs = tuple(path for name in DEFAULT_DROP_INS if (path := directory / name).is_dir())
    if not files and not dirs:
        raise click.UsageError(
            f"there is no configuration in {directory}; name one with --config-file or --config-dir,"
            " or run 'glimpse serve', which needs none"
        )
    return Source(files, dirs, data)


def main() -> None:
    """Run the command line and exit."""
    try:
        glance_api.main(prog_name="glance-api")
    except GlimpseError as error:
        fail(error, "glance-api")


if __name__ == "__main__":
    main()
