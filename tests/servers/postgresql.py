"""A PostgreSQL server for tests."""

import re
import signal
from pathlib import Path

from tests.servers.process import ServerFailed, run
from tests.servers.server import PASSWORD, USER, DatabaseServer


class PostgreSQL(DatabaseServer):
    """The newest that is installed; fast, because nothing needs to survive a power failure."""

    name = "postgresql"
    driver = "postgresql+psycopg"
    home = "postgres"
    quick = signal.SIGQUIT
    orderly = signal.SIGINT

    def install(self) -> None:
        """A cluster that sorts as no language does, and asks for its password."""
        secret = self.directory / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        run(
            [
                *(programs() / "initdb", "-D", self.directory / "data", "-U", USER, f"--pwfile={secret}"),
                *("-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"),
            ],
            self.directory,
        )

    def command(self) -> list[str | Path]:
        """No socket file: its path could be too long."""
        settings = {
            "fsync": "off",
            "full_page_writes": "off",
            "synchronous_commit": "off",
            "wal_level": "minimal",
            "max_wal_senders": "0",
            "max_wal_size": "2GB",
            "maintenance_work_mem": "128MB",
            "max_connections": "300",
            # A language of messages that does not depend on who runs the tests.
            "lc_messages": "C",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        data: list[str | Path] = [programs() / "postgres", "-D", self.directory / "data"]
        return [*data, "-h", "127.0.0.1", "-p", str(self.port), "-k", "", *options]


def programs() -> Path:
    """Where Debian keeps the programs of the newest version."""
    found = list(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not found:
        raise ServerFailed("PostgreSQL is not installed; scripts/system-packages dev does it")
    return max(found, key=lambda path: [int(part) for part in re.findall(r"\d+", str(path))]).parent
