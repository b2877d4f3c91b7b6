"""One import from the command line: create, upload, ask, watch, show."""

from collections.abc import Mapping
from pathlib import Path

import click
from rich.console import Console

from glimpse.cli.client import ImageClient, ServiceError
from glimpse.cli.follow import Phase, State, follow
from glimpse.cli.show import Bars, show_image
from glimpse.cli.web import is_url
from glimpse.errors import GlimpseError
from glimpse.transfer.sources.uri import masked

INTERRUPTED = 130


def run_import(
    what: str,
    attributes: Mapping[str, object],
    stores: tuple[str, ...] | None,
    endpoint: str,
    token: str | None,
) -> int:
    """Import the file or URL ``what`` and follow it; the exit status.

    ``stores``: None for all of the service's, empty for its default.
    """
    console = Console(highlight=False)
    with ImageClient(endpoint, token) as client:
        image, methods = client.create(attributes)
        identity = str(image["id"])
        shown = masked(what) if is_url(what) else what
        console.print(f"Importing {shown} ({attributes['disk_format']}) as image {identity}", soft_wrap=True)
        state = State("running")
        try:
            with Bars(console) as bars:
                method = provide(client, identity, what, methods, bars)
                client.start_import(identity, method, stores)
                for state in follow(client, identity):
                    bars.update(state)
        except KeyboardInterrupt:
            click.echo(
                "\nglimpse: no longer following; what the service has accepted goes on there", err=True
            )
            return INTERRUPTED
        except GlimpseError as error:
            state = State("failure", state.phases, state.targets, error.message, error.hint)
        if state.status == "success":
            show_image(console, client.image(identity), state.targets)
            return 0
        show_failure(client, identity, state)
        return 1


def provide(
    client: ImageClient, image: str, what: str, offered: tuple[str, ...], bars: Bars
) -> Mapping[str, object]:
    """Bring the bytes to where the import finds them; the import method, as the API wants it."""
    name = "web-download" if is_url(what) else "glance-direct"
    if offered and name not in offered:
        raise ServiceError(
            f"the service does not offer the import method {name}, only {', '.join(offered)}", 400
        )
    if is_url(what):
        return {"name": name, "uri": what}
    path = Path(what)
    size = path.stat().st_size
    bars.phase(Phase("upload", "running", 0, size))
    client.stage(image, path, lambda done: bars.phase(Phase("upload", "running", done, size)))
    bars.phase(Phase("upload", "done", size, size))
    return {"name": name}


def show_failure(client: ImageClient, identity: str, state: State) -> None:
    """Say why it failed, what to do, and what has become of the image."""
    click.echo(f"glimpse: the import failed: {state.message}", err=True)
    if state.hint:
        click.echo(f"  {state.hint}", err=True)
    try:
        status = client.image(identity).get("status")
    except GlimpseError:
        return
    advice = "; it can be imported again, or deleted" if status == "queued" else ""
    click.echo(f"  Image {identity} stays, {status}{advice}.", err=True)
