import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from glimpse.catalog.records import UploadKind
from glimpse.catalog.repository import utcnow
from glimpse.imports.reaper import Reaper
from tests.engine import DEADLINE, Engine


@contextmanager
def reaping(engine: Engine) -> Iterator[Reaper]:
    reaper = Reaper(engine.resources)
    reaper.start()
    try:
        yield reaper
    finally:
        reaper.stop()


def wait(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("kind", ["file", "stage"])
def test_an_upload_whose_lease_has_run_out_is_put_back(engine: Engine, kind: UploadKind) -> None:
    image = engine.create()
    store = "main" if kind == "file" else None
    claim = engine.catalog.images.begin_upload(image.id, kind, store, "dead", 0.0)
    if kind == "file":
        engine.resources.stores.get("main").writer(image.id, claim.claim, None)
    else:
        engine.resources.area.create(image.id, claim.claim).write(b"part")
    assert engine.files()
    Reaper(engine.resources).round()
    assert engine.catalog.images.get(image.id).status == "queued"
    assert engine.files() == set()


def test_an_upload_that_is_renewed_is_left_alone(engine: Engine) -> None:
    image = engine.create()
    engine.catalog.images.begin_upload(image.id, "stage", None, "alive", 60.0)
    Reaper(engine.resources).round()
    assert engine.catalog.images.get(image.id).status == "uploading"


def test_expired_tasks_are_forgotten(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    image = engine.create()
    engine.stage(image, b"data")
    record = engine.start(image)
    with engine.conducting():
        engine.ended(record)
    later = utcnow() + timedelta(days=30)
    monkeypatch.setattr(engine.catalog.imports, "_clock", lambda: later)
    with reaping(engine):
        wait(lambda: record.id not in known(engine))


def known(engine: Engine) -> set[str]:
    """Every record there is, expired or not."""
    from sqlalchemy import select

    from glimpse.catalog.tables import imports

    with engine.catalog.db.read() as connection:
        return set(connection.execute(select(imports.c.id)).scalars())
