"""``glimpse import``: brings a file or a URL into any Image service and shows how it goes."""

import signal
import sys
from pathlib import Path
from urllib.parse import urlsplit

import click

from glimpse.cli.guess import guess_format
from glimpse.cli.web import is_url

# Endings that say how a file is packed or laid out, not what it is called.
ENDINGS = frozenset(
    {".gz", ".xz", ".zst", ".bz2", ".qcow2", ".raw", ".img", ".vmdk", ".vhd", ".vhdx", ".vdi", ".iso"}
)


@click.command()
@click.argument("what", metavar="FILE|URL")
@click.option("--name", help="Name of the image.  [default: the file's, without its endings]")
@click.option("--disk-format", metavar="FORMAT", help="What is in it.  [default: told from its beginning]")
@click.option(
    "--container-format", metavar="FORMAT", default="bare", show_default=True, help="What is around it."
)
@click.option("--store", "stores", metavar="ID", multiple=True, help="Deliver to this store. Repeatable.")
@click.option("--all-stores", is_flag=True, help="Deliver to every store of the service.")
@click.option(
    "--property", "properties", metavar="K=V", multiple=True, help="A property of the image. Repeatable."
)
@click.option(
    "--endpoint",
    metavar="URL",
    envvar=["GLIMPSE_ENDPOINT", "OS_IMAGE_ENDPOINT_OVERRIDE", "OS_IMAGE_URL"],
    default="http://127.0.0.1:9292",
    show_default=True,
    help="The Image service; also from GLIMPSE_ENDPOINT or OS_IMAGE_ENDPOINT_OVERRIDE.",
)
@click.option("--token", envvar="OS_TOKEN", help="Sent as X-Auth-Token; also from OS_TOKEN.")
def import_image(
    what: str,
    name: str | None,
    disk_format: str | None,
    container_format: str,
    stores: tuple[str, ...],
    all_stores: bool,
    properties: tuple[str, ...],
    endpoint: str,
    token: str | None,
) -> None:
    """Import a file or a URL through an Image API, and follow it until it has ended.

    A file is uploaded to the service's staging area; a URL is fetched by the service itself. Exit status 0
    when the image is active, 1 when it failed.
    """
    if stores and all_stores:
        raise click.UsageError("--store and --all-stores exclude each other")
    attributes: dict[str, object] = dict(parse_property(text) for text in properties)
    if not is_url(what) and not Path(what).is_file():
        raise click.UsageError(f"{what} is neither a file nor an http(s) URL")
    attributes["name"] = name or default_name(what)
    attributes["disk_format"] = disk_format or guess_format(what)
    attributes["container_format"] = container_format

    from glimpse.cli.run_import import run_import

    # Told to stop by whoever started it, it leaves the terminal as tidily as after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(run_import(what, attributes, None if all_stores else stores, endpoint, token))


def parse_property(text: str) -> tuple[str, str]:
    """``k=v`` taken apart."""
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise click.UsageError(f"--property {text}: a property is given as KEY=VALUE")
    return key, value


def default_name(what: str) -> str:
    """The last part of the file's name or the URL's path, without endings that only tell formats."""
    path = Path(urlsplit(what).path if is_url(what) else what)
    name = path.name
    while Path(name).suffix.lower() in ENDINGS:
        name = Path(name).stem
    return name or "image"
