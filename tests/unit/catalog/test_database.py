"""Transactions, and many who write at once."""

from collections.abc import Callable
from contextlib import closing

import pytest
from sqlalchemy import Connection, func, make_url, select, text, update

from glimpse.catalog import Catalog, Database
from glimpse.catalog.engines import Pool
from glimpse.catalog.records import Image, ImageQuery, NewImage
from glimpse.catalog.tables import images
from glimpse.errors import Invalid, Unavailable
from tests.servers.databases import Databases
from tests.unit.catalog import writers
from tests.unit.catalog.together import run_together


def test_sixteen_writers_at_once_see_no_error_and_lose_nothing(catalog: Catalog, url: str) -> None:
    catalog.images.create(NewImage(id=writers.COUNTER))

    assert run_together(4, "write", url, "5", "4") == ["exit 0"] * 4

    assert catalog.images.get(writers.COUNTER).min_ram == 80
    with catalog.db.read() as conn:
        gone = select(func.count()).select_from(images).where(images.c.deleted)
        assert conn.execute(gone).scalar() == 80


def test_an_exception_undoes_the_whole_transaction(db: Database, image: Image) -> None:
    def fail_half_way(conn: Connection) -> None:
        conn.execute(update(images).values(name="half"))
        raise RuntimeError

    with pytest.raises(RuntimeError):
        db.run(fail_half_way, writes=True)
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


def test_a_mistake_is_shown_at_once(db: Database) -> None:
    calls = []

    def mistake(conn: Connection) -> None:
        calls.append(conn)
        conn.exec_driver_sql("SELECT nothing FROM nowhere")

    with pytest.raises(Exception, match="nowhere") as caught:
        db.run(mistake)
    assert len(calls) == 1
    assert not isinstance(caught.value, Unavailable)


@pytest.mark.parametrize("name", ["x" * 300, "half a pair: \ud800", "nothing\0"])
def test_what_does_not_fit_is_invalid_or_kept(catalog: Catalog, name: str) -> None:
    try:
        image = catalog.images.create(NewImage(name=name))
    except Invalid:
        return
    assert catalog.images.get(image.id).name == name


def test_numbers_without_end_are_invalid(catalog: Catalog) -> None:
    with pytest.raises(Invalid):
        catalog.images.create(NewImage(min_ram=10**20))


def test_a_pool_has_as_many_connections_as_configured(backend: Databases) -> None:
    db = Database(backend.fresh(), Pool(size=1, overflow=1, timeout=0.1))
    with db.read(), db.read(), pytest.raises(Unavailable, match="cannot be used now"):
        db.run(lambda conn: None)
    db.close()


@pytest.mark.parametrize(
    ("first", "second"), [("a", "a "), ("a", "A"), ("e", "é"), ("Ä", "A"), ("ss", "ß"), ("🐧", "🐦")]
)
def test_texts_that_differ_are_different(catalog: Catalog, first: str, second: str) -> None:
    """As names of properties, tags and members, which are keys."""
    image = catalog.images.create(NewImage(properties={first: "1", second: "2"}, tags=(first, second)))
    shown = catalog.images.get(image.id)
    assert shown.properties == {first: "1", second: "2"}
    assert set(shown.tags) == {first, second}


def test_long_texts_stay_whole(catalog: Catalog) -> None:
    """Longer than 64 KiB, which is what MariaDB calls a text."""
    long = "é" * 70_000
    image = catalog.images.create(NewImage(properties={"long": long}))
    assert catalog.images.get(image.id).properties == {"long": long}


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_the_older_driver_of_an_existing_file_reaches_the_server(
    url: str, open_database: Callable[[str], Database]
) -> None:
    theirs = make_url(url).set(drivername="postgresql+psycopg2")
    catalog = Catalog(open_database(theirs.render_as_string(hide_password=False)))
    image = catalog.images.create(NewImage(name="é", tags=("a",)))
    assert catalog.images.get(image.id) == image


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_the_server_keeps_plans_that_suit_any_values_and_no_others(url: str) -> None:
    with closing(Database(url, Pool(size=1, overflow=0))) as db:
        catalog = Catalog(db)
        image = catalog.images.create(NewImage(name="a"))
        for _ in range(12):
            catalog.images.get(image.id)
            catalog.images.list(ImageQuery())
            catalog.images.list(ImageQuery(filters={"name": "a"}))
        with db.read() as conn:
            kept = conn.execute(text("SELECT statement FROM pg_prepared_statements")).scalars().all()
    assert len(kept) == 2
    assert {"images.id = $1" in statement for statement in kept} == {True, False}
    assert not [statement for statement in kept if "images.name =" in statement]
