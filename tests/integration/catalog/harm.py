"""What is done to connections, and counting in spite of it."""

from sqlalchemy import Connection, select

from glimpse.catalog import Database
from glimpse.catalog.tables import images
from tests.servers.server import administer
from tests.unit.catalog.writers import COUNTER, raise_counter


def backend_id(conn: Connection) -> int:
    """The server's number for this connection."""
    function = "pg_backend_pid()" if conn.dialect.name == "postgresql" else "CONNECTION_ID()"
    return int(conn.exec_driver_sql(f"SELECT {function}").scalar_one())


def kill(number: int, url: str) -> None:
    """End the server's side of a connection, as an administrator would."""
    if url.startswith("postgresql"):
        administer(url, f"SELECT pg_terminate_backend({number}, 5000)")
    else:
        administer(url, f"KILL {number}")


def count(db: Database) -> int:
    """How often the counter was raised."""
    with db.read() as conn:
        number: int = conn.execute(select(images.c.min_ram).where(images.c.id == COUNTER)).scalar_one()
    return number


class Counting:
    """Raises the counter by one, however often it is run; ``before`` is done in the middle of the first time."""

    def __init__(self) -> None:
        self.runs = 0

    def __call__(self, conn: Connection) -> None:
        self.runs += 1
        raise_counter(conn)
        if self.runs == 1:
            self.harm(conn)
        # Something that notices.
        conn.execute(select(images.c.id).where(images.c.id == COUNTER)).all()

    def harm(self, conn: Connection) -> None:
        """What happens to the first run."""
