"""Room for more: who begins something that counts against a limit is admitted, one at a time for each owner.

What is counted within the turn stays true until the transaction ends, and what was granted is written by the same
transaction into the row of what begins (an image, an upload, an import). So it is gone when that is gone, and nothing
leaks when a process dies. Whoever takes a turn does so before it locks an image: two transactions that lock in one
order cannot block each other.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, false
from sqlalchemy.dialects import mysql, postgresql

from glimpse.catalog.ledger import Ledger
from glimpse.catalog.tables import owner_turns as table


@dataclass(frozen=True, slots=True)
class Admission:
    """``judge`` looks at what the owner's images take and raises where there is no room for more.

    It gives the bytes that are granted, or None. It may be asked again when the transaction is run again.
    """

    owner: str | None
    judge: Callable[[Ledger], int | None]


def take_turn(conn: Connection, admission: Admission | None) -> None:
    """Wait for the owner's turn; it is kept until the end of the transaction. Nothing without an admission."""
    if admission is None or conn.dialect.name == "sqlite":
        # Whoever writes to SQLite is alone there.
        return
    turn = {"owner": admission.owner or ""}
    # One statement makes the row, or waits for it and locks it. On PostgreSQL nothing is written to a row that is
    # there, so nothing has to be vacuumed.
    if conn.dialect.name == "mysql":
        conn.execute(mysql.insert(table).values(turn).on_duplicate_key_update(turn))
    else:
        insert = postgresql.insert(table).values(turn)
        conn.execute(insert.on_conflict_do_update(index_elements=["owner"], set_=turn, where=false()))


def judged(conn: Connection, admission: Admission | None) -> int | None:
    """What the judge grants."""
    return None if admission is None else admission.judge(Ledger(conn, admission.owner))


def admitted(conn: Connection, admission: Admission | None) -> int | None:
    """Both, one after the other. Raises what the judge does."""
    take_turn(conn, admission)
    return judged(conn, admission)
