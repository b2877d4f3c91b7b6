"""A client's command line, run as its users run it."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

SECONDS = 60.0


@dataclass(frozen=True)
class Command:
    """A command that is installed beside this Python. ``home`` is where it may keep things."""

    name: str
    home: Path
    environment: Mapping[str, str]

    def as_user(self, token: str) -> "Command":
        """The same command of somebody else."""
        name = "OS_AUTH_TOKEN" if "OS_AUTH_TOKEN" in self.environment else "OS_TOKEN"
        return replace(self, environment={**self.environment, name: token})

    def run(self, *arguments: str | Path, data: bytes | None = None) -> str:
        """What it prints; ``data`` is piped into it. Fails with what it complains of."""
        done = self._run(arguments, data)
        assert done.returncode == 0, f"{self.name} {arguments} said:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def complaint(self, *arguments: str | Path) -> str:
        """What it says when it fails; fails when it does not."""
        done = self._run(arguments, None)
        assert done.returncode != 0, done.stdout
        return done.stderr

    def table(self, *arguments: str | Path, data: bytes | None = None) -> list[dict[str, str]]:
        """The rows of the table that it prints."""
        lines = [line for line in self.run(*arguments, data=data).splitlines() if line.startswith("|")]
        header, *rows = [[cell.strip() for cell in line[1:-1].split(" | ")] for line in lines]
        whole: list[list[str]] = []
        for row in rows:
            if row[0]:
                whole.append(row)
            else:
                # A long value is wrapped at spaces and hyphens.
                whole[-1] = [
                    above + ("" if above.endswith("-") else " ") + below if below else above
                    for above, below in zip(whole[-1], row, strict=True)
                ]
        return [dict(zip(header, row, strict=True)) for row in whole]

    def record(self, *arguments: str | Path, data: bytes | None = None) -> dict[str, str]:
        """The table of one thing: its values by name."""
        return {row["Property"]: row["Value"] for row in self.table(*arguments, data=data)}

    def json(self, *arguments: str | Path) -> Any:
        """What it prints, for programs."""
        return json.loads(self.run(*arguments, "-f", "json"))

    def _run(self, arguments: tuple[str | Path, ...], data: bytes | None) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
        # The clients take any standard input that is not a terminal for the image's data.
        main, terminal = pty.openpty()
        try:
            process = subprocess.Popen(
                [Path(sys.executable).with_name(self.name), *arguments],
                env={**kept, "HOME": str(self.home), "COLUMNS": "300", **self.environment},
                cwd=self.home,
                stdin=terminal if data is None else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            try:
                printed, complained = process.communicate(data, SECONDS)
            finally:
                process.kill()
                process.wait()
        finally:
            os.close(main)
            os.close(terminal)
        return subprocess.CompletedProcess(
            process.args, process.returncode, printed.decode(), complained.decode()
        )
