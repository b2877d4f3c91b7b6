"""Where the configuration comes from: the options that the service's commands share."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from glimpse.config import Settings

# How the processes that the HTTP server starts learn what configuration to read.
CONFIG_VARIABLE = "GLIMPSE_CONFIG"

# Which option stands for which setting, and whether it is about listening.
PLUGINS = "image_import_opts.image_import_plugins"
BIND_HOST = "DEFAULT.bind_host"
BIND_PORT = "DEFAULT.bind_port"
FORWARDED = ((PLUGINS, "--plugins", False), (BIND_HOST, "--host", True), (BIND_PORT, "--port", True))

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Source:
    """The files, directories and single values that a command line names; loading them gives the settings."""

    files: tuple[Path, ...] = ()
    dirs: tuple[Path, ...] = ()
    data: Path | None = None
    overrides: Mapping[str, object] = field(default_factory=dict)

    def load(self) -> "Settings":
        """Read it all. Raises a :class:`glimpse.errors.GlimpseError` that names file, section and option."""
        from glimpse.config import load

        return load(self.files, self.dirs, self.data, self.overrides)

    def to_json(self) -> str:
        """The value of :data:`CONFIG_VARIABLE`."""
        return json.dumps(
            {
                "files": [str(path) for path in self.files],
                "dirs": [str(path) for path in self.dirs],
                "data": None if self.data is None else str(self.data),
                "overrides": dict(self.overrides),
            }
        )

    @classmethod
    def from_json(cls, text: str) -> "Source":
        """The inverse of :meth:`to_json`."""
        values = json.loads(text)
        return cls(
            files=tuple(Path(path) for path in values["files"]),
            dirs=tuple(Path(path) for path in values["dirs"]),
            data=None if values["data"] is None else Path(values["data"]),
            overrides=values["overrides"],
        )

    def arguments(self, *, network: bool) -> list[str]:
        """The options that give a child this source; those about listening only with ``network``."""
        words = []
        for path in self.files:
            words += ["--config-file", str(path)]
        for path in self.dirs:
            words += ["--config-dir", str(path)]
        if self.data is not None:
            words += ["--data", str(self.data)]
        for key, option, listens in FORWARDED:
            if key in self.overrides and (network or not listens):
                value = self.overrides[key]
                words += [option, ",".join(value) if isinstance(value, list) else str(value)]
        return words

    def publish(self) -> None:
        """Let processes started from here on read the same configuration."""
        os.environ[CONFIG_VARIABLE] = self.to_json()


def source(
    config_file: tuple[Path, ...],
    config_dir: tuple[Path, ...],
    data: Path | None,
    plugins: str | None = None,
    host: str | None = None,
    port: int | None = None,
) -> Source:
    """The source that these option values describe."""
    overrides: dict[str, object] = {}
    if plugins is not None:
        overrides[PLUGINS] = [name for name in (part.strip() for part in plugins.split(",")) if name]
    if host is not None:
        overrides[BIND_HOST] = host
    if port is not None:
        overrides[BIND_PORT] = port
    return Source(
        tuple(path.absolute() for path in config_file),
        tuple(path.absolute() for path in config_dir),
        None if data is None else data.absolute(),
        overrides,
    )


def file_options(command: Command) -> Command:
    """``--config-file``, ``--config-dir`` and ``--data``."""
    for option in (
        click.option(
            "--data",
            type=click.Path(file_okay=False, path_type=Path),
            help="Home of everything that the configuration does not place: database, staging, stores."
            "  [default: ./glimpse-data]",
        ),
        click.option(
            "--config-dir",
            multiple=True,
            type=click.Path(exists=True, file_okay=False, path_type=Path),
            help="A directory of *.conf files, read in the order of their names. Repeatable.",
        ),
        click.option(
            "--config-file",
            multiple=True,
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="A configuration file, for example glance-api.conf; later ones win. Repeatable.",
        ),
    ):
        command = option(command)
    return command


def plugin_option(command: Command) -> Command:
    """``--plugins``."""
    return click.option(
        "--plugins", metavar="A,B", help="Import plugins in their order; wins over the configuration."
    )(command)


def network_options(command: Command) -> Command:
    """``--host`` and ``--port``."""
    host = click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
    port = click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on.  [default: 9292]")
    return host(port(command))
