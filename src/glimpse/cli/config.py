"""``glimpse config``: what can be configured."""

import click


@click.group()
def config() -> None:
    """Show what can be configured."""


@config.command()
def sample() -> None:
    """Print a configuration file with every option, its meaning and its default, all commented out."""
    from glimpse.config.samples import sample as text

    click.echo(text(), nl=False)
