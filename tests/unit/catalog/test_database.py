"""The database under load, real processes on a real file; and that the migrations make what the tables say."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, select, text, update
from sqlalchemy.exc import OperationalError

from glimpse.catalog import Catalog, Database
from glimpse.catalog.records import Image, ImageQuery, NewImage
from glimpse.catalog.tables import images, metadata
from tests.unit.catalog import writers


def run_together(count: int, *arguments: str) -> Sequence[str]:
    """Start ``count`` processes, let them go at once, wait; what each wrote to its standard error."""
    command = [sys.executable, str(Path(writers.__file__)), *arguments]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    processes = [subprocess.Popen(command, text=True, **pipes) for _ in range(count)]  # type: ignore[call-overload]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    return [process.communicate(timeout=60)[1] + f"exit {process.returncode}" for process in processes]


def test_four_processes_writing_at_once_lose_no_transaction(catalog: Catalog, url: str) -> None:
    catalog.images.create(NewImage(id=writers.COUNTER))

    assert run_together(4, "write", url, "100") == ["exit 0"] * 4

    assert catalog.images.get(writers.COUNTER).min_ram == 400
    assert len(catalog.images.list(ImageQuery(limit=1000)).images) == 401


def test_processes_that_start_together_make_one_schema(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"

    assert run_together(4, "upgrade", url) == ["exit 0"] * 4

    db = Database(url)
    with db.read() as conn:
        assert set(inspect(conn).get_table_names()) == {*metadata.tables, "alembic_version"}
    db.close()


def test_migrations_and_tables_agree(db: Database) -> None:
    with db.read() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_the_comparison_would_see_a_difference(db: Database) -> None:
    with db.write() as conn:
        next(index for index in images.indexes if index.name == "ix_images_by_name").drop(conn)
    with db.read() as conn:
        assert compare_metadata(MigrationContext.configure(conn), metadata)


def test_upgrading_again_changes_nothing(db: Database) -> None:
    before = Catalog(db).images.create(NewImage())
    db.upgrade()
    assert Catalog(db).images.get(before.id) == before


def test_a_failed_upgrade_leaves_nothing_behind(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'odd.db'}")
    with db.write() as conn:
        conn.execute(text("CREATE TABLE uploads (something_else INTEGER)"))
    with pytest.raises(OperationalError, match="already exists"):
        db.upgrade()
    with db.read() as conn:
        assert inspect(conn).get_table_names() == ["uploads"]
    db.close()


def test_sqlite_is_set_up_for_safety(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'db'}")
    full = 2
    with db.read() as conn:
        assert conn.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert conn.execute(text("PRAGMA synchronous")).scalar() == full
        assert conn.execute(text("PRAGMA foreign_keys")).scalar() == 1
        assert conn.execute(text("PRAGMA busy_timeout")).scalar() == 60_000
    db.close()


def test_an_exception_undoes_the_whole_transaction(db: Database, image: Image) -> None:
    def fail_half_way() -> None:
        with db.write() as conn:
            conn.execute(update(images).values(name="half"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert Catalog(db).images.get(image.id).name == "debian"


def test_a_reader_sees_one_moment_and_waits_for_no_writer(db: Database, image: Image) -> None:
    name = select(images.c.name).where(images.c.id == image.id)
    with db.read() as reader:
        assert reader.execute(name).scalar() == "debian"
        with db.write() as writer:
            writer.execute(update(images).values(name="changed"))
            assert reader.execute(name).scalar() == "debian"
        assert reader.execute(name).scalar() == "debian"
    with db.read() as reader:
        assert reader.execute(name).scalar() == "changed"
