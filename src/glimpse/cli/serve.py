"""``glimpse serve``: the whole service on one host, a supervisor over API and conductor processes."""

import json
import os
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import click

from glimpse.cli.child import Child
from glimpse.cli.options import Source, file_options, network_options, plugin_option, source
from glimpse.cli.processes import SUPERVISED_VARIABLE
from glimpse.cli.supervisor import Supervisor

# Loopback answers within a millisecond or not at all; the supervisor does nothing else while it waits.
PROBE_TIMEOUT = 1.0


@click.command()
@network_options
@file_options
@plugin_option
@click.option(
    "--import",
    "import_what",
    metavar="FILE|URL",
    help="As soon as the service is ready, import this into every store.",
)
@click.option("--exit", "exit_after", is_flag=True, help="With --import: stop after it, with its status.")
def serve(
    host: str | None,
    port: int | None,
    data: Path | None,
    plugins: str | None,
    config_file: tuple[Path, ...],
    config_dir: tuple[Path, ...],
    import_what: str | None,
    exit_after: bool,
) -> None:
    """Run the whole service on this host: API and conductor processes under a small supervisor.

    Without configuration files it keeps everything in one directory (--data) and has two file stores,
    main and mirror. Ctrl-C or SIGTERM stops it.
    """
    if exit_after and import_what is None:
        raise click.UsageError("--exit needs --import")
    sys.exit(run_service(source(config_file, config_dir, data, plugins, host, port), import_what, exit_after))


def run_service(where: Source, import_what: str | None = None, exit_after: bool = False) -> int:
    """Prepare, then supervise until stopped; the exit status."""
    where.publish()
    answer = subprocess.run(
        [sys.executable, "-m", "glimpse.cli.prepare"], stdout=subprocess.PIPE, check=False
    )
    if answer.returncode != 0:
        return 1
    found = json.loads(answer.stdout)
    host, port = found["host"], found["port"]
    scheme = "https" if found["tls"] else "http"
    url = f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"

    os.environ[SUPERVISED_VARIABLE] = "1"
    names = ["api", *(f"conductor {number + 1}" for number in range(found["conductors"]))]
    children = [Child(name, command(name.split()[0], where)) for name in names]
    act = None
    if import_what is not None:
        act = Child("import", command("import", None, import_what, "--all-stores", "--endpoint", url))
    return Supervisor(
        children,
        probe=lambda: (greets if found["tls"] else answers)(host, port),
        on_ready=lambda: click.echo(f"glimpse: ready on {url} (data in {found['data']}); Ctrl-C stops it"),
        say=lambda line: click.echo(f"glimpse: {line}", err=True),
        first_act=act,
        end_after_first_act=exit_after,
    ).run()


def command(name: str, where: Source | None, *more: str) -> list[str]:
    """The command line of a child that reads the same configuration."""
    words = [sys.executable, "-m", "glimpse.cli", name]
    if where is not None:
        words += where.arguments(network=name == "api")
    return [*words, *more]


def answers(host: str, port: int) -> bool:
    """Whether the service says how it is, asked over plain HTTP without loading a client library.

    503 is an answer too: an operator keeps load balancers away.
    """
    try:
        with socket.create_connection((host, port), timeout=PROBE_TIMEOUT) as connection:
            connection.sendall(b"GET /healthcheck HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            first = connection.recv(64)
    except OSError:
        return False
    return first.startswith((b"HTTP/1.1 200", b"HTTP/1.1 503"))


def greets(host: str, port: int) -> bool:
    """Whether the service speaks TLS. More it may not want to say, where it asks for certificates."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host, port), timeout=PROBE_TIMEOUT) as connection,
            context.wrap_socket(connection),
        ):
            return True
    except ssl.SSLError as error:
        # It has told us what it does not like.
        return "ALERT" in (error.reason or "")
    except OSError:
        return False
