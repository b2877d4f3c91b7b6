"""The schema: from nothing and from every earlier one, with data in it, to what the tables say."""

from collections.abc import Callable
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Connection, MetaData, Table, insert, inspect, text

from glimpse.catalog import Catalog, Database, migrate
from glimpse.catalog.records import Image, NewImage
from glimpse.catalog.tables import images, metadata
from glimpse.errors import Invalid
from tests import crowd
from tests.unit.catalog.scenes import LEASE, location, new_import
from tests.unit.catalog.together import run_together
from tests.unit.catalog.under_way import goes_on, under_way

REVISIONS = [
    script.revision for script in ScriptDirectory.from_config(migrate.configuration()).walk_revisions()
]
EARLIER = sorted(REVISIONS)[:-1]


def test_processes_that_start_together_make_one_schema(
    empty_url: str, open_database: Callable[[str], Database]
) -> None:
    assert run_together(4, "upgrade", empty_url) == ["exit 0"] * 4
    with open_database(empty_url).read() as conn:
        assert set(inspect(conn).get_table_names()) == {*metadata.tables, "alembic_version"}
        assert differences(conn) == []


@pytest.mark.parametrize("backend", ["mariadb"], indirect=True)
def test_who_gets_the_lock_sees_the_version(empty_url: str, open_database: Callable[[str], Database]) -> None:
    with open_database(empty_url).write() as conn:
        migrate.upgrade(conn)
        open_database(empty_url).upgrade()
        with open_database(empty_url).read() as other:
            assert differences(other) == []


def differences(conn: Connection) -> list[Any]:
    """Between the tables as they are and as they are in the code."""
    context = MigrationContext.configure(conn, opts={"compare_type": True})
    return list(compare_metadata(context, metadata))


def test_the_comparison_would_see_a_difference(
    empty_url: str, open_database: Callable[[str], Database]
) -> None:
    db = open_database(empty_url)
    db.upgrade()
    with db.write() as conn:
        next(index for index in images.indexes if index.name == "ix_images_by_name").drop(conn)
    with db.read() as conn:
        assert differences(conn)


def test_upgrading_again_changes_nothing(db: Database, image: Image) -> None:
    db.upgrade()
    assert Catalog(db).images.get(image.id) == image


def test_the_schema_of_somebody_else_is_refused_and_left_alone(
    empty_url: str, open_database: Callable[[str], Database]
) -> None:
    db = open_database(empty_url)
    with db.write() as conn:
        conn.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        conn.execute(text("INSERT INTO alembic_version VALUES ('2023_1_expand01')"))
    with pytest.raises(Invalid, match=r"another program or of a newer version.*2023_1_expand01") as caught:
        db.upgrade()
    assert "new, empty database" in caught.value.hint
    with db.read() as conn:
        assert inspect(conn).get_table_names() == ["alembic_version"]


@pytest.mark.parametrize("revision", EARLIER)
def test_an_earlier_schema_is_upgraded_with_its_data(
    empty_url: str, open_database: Callable[[str], Database], revision: str
) -> None:
    db = open_database(empty_url)
    with db.write() as conn:
        migrate.upgrade(conn, revision)
    with db.write() as conn:
        rows = {table.name: rows for table, rows in crowd.contents(200).items()}
        queued = next(row for row in rows["images"] if row["status"] == "queued" and not row["deleted"])
        for name, of_table in under_way(queued).items():
            rows[name] = rows.get(name, []) + of_table
        for name, of_table in rows.items():
            insert_as_it_was(conn, name, of_table)

    db.upgrade()

    with db.read() as conn:
        assert differences(conn) == []
        for name, of_table in rows.items():
            assert conn.execute(text(f"SELECT count(*) FROM {name}")).scalar() == len(of_table)
    works_as_new(Catalog(db), rows)
    goes_on(Catalog(db), rows)


def insert_as_it_was(conn: Connection, name: str, rows: list[dict[str, Any]]) -> None:
    """Rows into a table of an earlier schema, without the columns that came later."""
    now = metadata.tables[name]
    then = {column["name"] for column in inspect(conn).get_columns(name)}
    table = Table(name, MetaData(), *(Column(c.name, c.type) for c in now.columns if c.name in then))
    conn.execute(insert(table), [{key: row[key] for key in row if key in then} for row in rows])


def works_as_new(catalog: Catalog, rows: dict[str, list[dict[str, Any]]]) -> None:
    """What was there is shown as it was; and what is written now goes through."""
    for row in rows["images"]:
        if row["deleted"]:
            continue
        image = catalog.images.get(row["id"])
        assert {key: getattr(image, key) for key in row.keys() - {"deleted", "deleted_at"}} == {
            key: row[key] for key in row.keys() - {"deleted", "deleted_at"}
        }
        assert image.properties == {
            each["name"]: each["value"] for each in rows["image_properties"] if each["image_id"] == row["id"]
        }
        assert list(image.tags) == [
            each["tag"] for each in rows["image_tags"] if each["image_id"] == row["id"]
        ]
        urls = [each["url"] for each in rows["image_locations"] if each["image_id"] == row["id"]]
        assert [place.url for place in image.locations] == urls
    new = catalog.images.create(NewImage(disk_format="raw", container_format="bare", tags=("a", "a ")))
    begun = catalog.imports.begin(new_import(new.id), {"queued"})
    held = catalog.imports.claim(begun.id, "conductor", LEASE)
    catalog.imports.commit_target(held.id, held.claim, "main", location("main"))
    catalog.imports.succeed(held.id, held.claim, attributes={"size": 1})
    catalog.images.delete(new.id)


def test_every_revision_can_be_taken_back(empty_url: str, open_database: Callable[[str], Database]) -> None:
    db = open_database(empty_url)
    db.upgrade()
    with db.write() as conn:
        command.downgrade(migrate.configuration(conn), "base")
        command.upgrade(migrate.configuration(conn), "head")
    with db.read() as conn:
        assert differences(conn) == []
