"""A memcached for tests."""

import signal
import socket
from pathlib import Path

from tests.servers.server import Server


class Memcached(Server):
    """What it held is gone after a stop."""

    name = "memcached"
    quick = signal.SIGKILL
    orderly = signal.SIGTERM

    def install(self) -> None:
        """Nothing is kept on disk."""

    def command(self) -> list[str | Path]:
        """Small, and on loopback only."""
        return ["memcached", "-l", "127.0.0.1", "-p", str(self.port), "-U", "0", "-m", "16"]

    def url(self) -> str:
        """As options have it."""
        return f"127.0.0.1:{self.port}"

    def statistics(self) -> dict[str, int]:
        """What it counts, as far as these are numbers."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(b"stats\r\n")
            answer = b""
            while not answer.endswith(b"END\r\n"):
                received = connection.recv(65536)
                assert received, "memcached hung up"
                answer += received
        pairs = [line.split()[1:] for line in answer.decode().splitlines() if line.startswith("STAT")]
        return {name: int(value) for name, value in pairs if value.isdigit()}

    def _answers(self) -> bool:
        try:
            self.statistics()
        except OSError:
            return False
        return True
