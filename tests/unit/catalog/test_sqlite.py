"""What only SQLite has."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.exc import OperationalError

from glimpse.catalog import Database


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    db = Database(f"sqlite:///{tmp_path / 'glimpse.db'}")
    yield db
    db.close()


def test_it_is_set_up_for_safety(db: Database) -> None:
    full = 2
    with db.read() as conn:
        assert conn.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert conn.execute(text("PRAGMA synchronous")).scalar() == full
        assert conn.execute(text("PRAGMA foreign_keys")).scalar() == 1
        assert conn.execute(text("PRAGMA busy_timeout")).scalar() == 60_000


def test_a_failed_upgrade_leaves_nothing_behind(db: Database) -> None:
    with db.write() as conn:
        conn.execute(text("CREATE TABLE uploads (something_else INTEGER)"))
    with pytest.raises(OperationalError, match="already exists"):
        db.upgrade()
    with db.read() as conn:
        assert inspect(conn).get_table_names() == ["uploads"]
