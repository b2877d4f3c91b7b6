"""The ``glimpse`` command: finds the subcommand and turns failures into one clear line and exit status 1."""

import importlib
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from glimpse import __version__
from glimpse.errors import GlimpseError

# Name: (where it is, its line in the help). Only the command that runs is imported: the supervisor stays in
# memory for as long as the service, with 20 MiB this way (the client's HTTP library alone would add 21).
COMMANDS = {
    "serve": ("glimpse.cli.serve:serve", "Run the whole service on this host."),
    "import": (
        "glimpse.cli.import_image:import_image",
        "Import a file or a URL through an Image API.",
    ),
    "api": ("glimpse.cli.processes:api", "Run the HTTP API alone."),
    "conductor": ("glimpse.cli.processes:conductor", "Run one conductor, which does imports, alone."),
    "db": ("glimpse.cli.db:db", "Look after the database."),
    "config": ("glimpse.cli.config:config", "Show what can be configured."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, not when they are listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, imported now."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in ``--help``."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="glimpse", message="%(prog)s %(version)s")
def cli() -> None:
    """An Image service for virtual-machine images, compatible with the OpenStack Image API v2."""


def fail(error: GlimpseError, program: str = "glimpse") -> NoReturn:
    """Tell the person what failed and what to do next, without a traceback; exit status 1."""
    from glimpse.access import redact

    click.echo(f"{program}: {redact.text(error.message)}", err=True)
    if error.hint:
        click.echo(f"  {redact.text(error.hint)}", err=True)
    sys.exit(1)


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the command line ``args`` (the process's own by default) and exit."""
    try:
        cli.main(args, prog_name="glimpse")
    except GlimpseError as error:
        fail(error)
    raise AssertionError("click exits by itself")
