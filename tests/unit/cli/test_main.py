"""The command as people meet it."""

import subprocess
import sys

from click.testing import CliRunner

from glimpse import __version__
from glimpse.cli.main import COMMANDS, cli

# What must not be loaded by a process that only supervises, or only helps.
HEAVY = (
    "httpx",
    "oslo_config",
    "oslo_utils",
    "rich",
    "sqlalchemy",
    "fastapi",
    "granian",
    "taskflow",
    "asyncio",
)


def test_help_lists_every_command_with_what_it_does() -> None:
    shown = CliRunner().invoke(cli, ["--help"]).output
    for name, (_, summary) in COMMANDS.items():
        assert f"  {name}" in shown
        assert summary in shown


def test_every_command_that_is_listed_exists_and_explains_itself() -> None:
    for name in COMMANDS:
        result = CliRunner().invoke(cli, [name, "--help"])
        assert result.exit_code == 0, result.output
        assert result.output.startswith(f"Usage: cli {name} ")


def test_an_unknown_command_is_a_usage_error() -> None:
    result = CliRunner().invoke(cli, ["nothing"])
    assert result.exit_code == 2
    assert "No such command 'nothing'" in result.stderr


def test_the_version_is_the_package_s() -> None:
    assert CliRunner().invoke(cli, ["--version"]).output == f"glimpse {__version__}\n"


def test_the_supervisor_s_process_loads_nothing_heavy() -> None:
    code = (
        f"import sys, glimpse.cli.main, glimpse.cli.serve; print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout == "[]\n"


def test_the_sample_configuration_changes_nothing() -> None:
    shown = CliRunner().invoke(cli, ["config", "sample"]).output
    assert "#bind_host = 127.0.0.1\n" in shown
    assert not [line for line in shown.splitlines() if line and not line.startswith(("#", "["))]
