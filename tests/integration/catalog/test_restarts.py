"""Servers that are not there: at the start, for a while, for too long."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, event, make_url

from glimpse import config
from glimpse.catalog import Catalog, Database, database
from glimpse.catalog.faults import OutcomeUnknown
from glimpse.catalog.records import NewImage
from glimpse.errors import Conflict, Unavailable
from tests.servers.server import DatabaseServer

Open = Callable[[str], Database]
WRITERS, IMAGES = 4, 40


def options(url: str, **values: object) -> config.Settings:
    overrides = {"database.connection": url, **{f"database.{key}": value for key, value in values.items()}}
    return config.load(overrides=overrides)


def create(catalog: Catalog, image_id: str) -> None:
    """As a careful client does it: when the outcome is not known, the same again, and a conflict means it was made."""
    again = False
    while True:
        try:
            catalog.images.create(NewImage(id=image_id))
            return
        except OutcomeUnknown:
            again = True
        except Conflict:
            assert again
            return


def test_a_restart_costs_time_and_nothing_else(own_server: DatabaseServer, open_database: Open) -> None:
    db = open_database(own_server.url())
    db.upgrade()
    catalog = Catalog(db)
    half = threading.Barrier(WRITERS + 1)

    def write(writer: int) -> None:
        for number in range(IMAGES):
            if number == IMAGES // 4:
                half.wait(30)
            create(catalog, f"{writer:08d}-0000-0000-0000-{number:012d}")

    with ThreadPoolExecutor(WRITERS) as pool:
        running = [pool.submit(write, writer) for writer in range(WRITERS)]
        half.wait(60)
        own_server.stop()
        own_server.start()
        for done in running:
            done.result(60)
    for writer in range(WRITERS):
        for number in range(IMAGES):
            assert catalog.images.get(f"{writer:08d}-0000-0000-0000-{number:012d}").status == "queued"


def test_one_that_starts_late_is_waited_for(own_server: DatabaseServer) -> None:
    settings = options(own_server.url(), max_retries=50, retry_interval=1)
    own_server.stop()
    tried = threading.Event()

    def note(*of: object) -> None:
        tried.set()

    event.listen(Engine, "do_connect", note)
    try:
        with ThreadPoolExecutor(1) as pool:
            opening = pool.submit(Database.open, settings.database)
            assert tried.wait(30)
            own_server.start()
            db = opening.result(60)
    finally:
        event.remove(Engine, "do_connect", note)
    with db.read() as conn:
        assert conn.exec_driver_sql("SELECT 1").scalar() == 1
    db.close()


def test_one_that_never_starts_is_named(own_server: DatabaseServer, monkeypatch: pytest.MonkeyPatch) -> None:
    url = own_server.url()
    own_server.stop()
    try:
        with pytest.raises(Unavailable, match=r"127\.0\.0\.1") as caught:
            Database.open(options(url, max_retries=1, retry_interval=0).database)
        assert "s3cret" not in str(caught.value)
        monkeypatch.setattr(database, "PATIENCE_SECONDS", 0.2)
        db = Database(url)
        before = time.monotonic()
        with pytest.raises(Unavailable, match="cannot be used now"):
            Catalog(db).images.create(NewImage())
        assert time.monotonic() - before < 5
    finally:
        own_server.start()


def test_a_wrong_password_is_not_tried_again(own_server: DatabaseServer) -> None:
    url = make_url(own_server.url()).set(password="wrong").render_as_string(hide_password=False)
    with pytest.raises(Unavailable) as caught:
        Database.open(options(url, max_retries=-1, retry_interval=60).database)
    assert "[database] connection" in caught.value.hint
