"""A MariaDB server for tests."""

import getpass
import os
import shutil
import signal
from pathlib import Path

from tests.servers.process import SUBSTITUTE, ServerFailed, run
from tests.servers.server import PASSWORD, USER, DatabaseServer


class MariaDB(DatabaseServer):
    """Fast, because nothing needs to survive a power failure; else with the server's own defaults."""

    name = "mariadb"
    driver = "mysql+pymysql"
    home = "home"
    quick = signal.SIGKILL
    orderly = signal.SIGTERM

    def install(self) -> None:
        """The system tables, one user and one database."""
        (self.directory / "init.sql").write_text(
            f"CREATE DATABASE IF NOT EXISTS {self.home};\n"
            f"CREATE USER IF NOT EXISTS '{USER}'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';\n"
            f"GRANT ALL ON *.* TO '{USER}'@'127.0.0.1';\n"
        )
        run(
            [
                *(program("mariadb-install-db"), "--no-defaults", f"--datadir={self.directory / 'data'}"),
                *(f"--user={_user()}", "--auth-root-authentication-method=normal", "--skip-test-db"),
                "--innodb-log-file-size=8M",
            ],
            self.directory,
        )
        (self.directory / "tmp").mkdir(mode=0o777)
        (self.directory / "tmp").chmod(0o777)

    def command(self) -> list[str | Path]:
        """The path of its socket is relative to its data: an absolute one could be too long."""
        return [
            *(program("mariadbd"), "--no-defaults", f"--datadir={self.directory / 'data'}"),
            *(f"--tmpdir={self.directory / 'tmp'}", f"--user={_user()}", "--socket=s"),
            *("--bind-address=127.0.0.1", f"--port={self.port}", "--skip-name-resolve", "--skip-log-bin"),
            *(f"--init-file={self.directory / 'init.sql'}", f"--pid-file={self.directory / 'tmp' / 'pid'}"),
            *("--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=128M"),
            *("--innodb-log-file-size=8M", "--max-connections=300"),
        ]


def program(name: str) -> Path:
    """Debian keeps the server where not every PATH leads."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/bin")
    if found is None:
        raise ServerFailed("MariaDB is not installed; scripts/system-packages dev does it")
    return Path(found)


def _user() -> str:
    return SUBSTITUTE if os.geteuid() == 0 else getpass.getuser()
