"""The SQL jobboard shows the imports as jobs, in the words of TaskFlow's boards."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from taskflow import exceptions, states
from taskflow.jobs import backends

from glimpse.catalog import Catalog, Database
from glimpse.catalog.records import ImportRecord, NewImage, NewImport
from glimpse.imports import jobs

LEASE = 30.0


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database that is ready."""
    database = Database(f"sqlite:///{tmp_path / 'db'}")
    database.upgrade()
    database.close()
    return f"sqlite:///{tmp_path / 'db'}"


@pytest.fixture
def catalog(url: str) -> Iterator[Catalog]:
    database = Database(url)
    yield Catalog(database)
    database.close()


@pytest.fixture
def board(url: str) -> Iterator[Any]:
    """A board as TaskFlow finds it by its name."""
    board = backends.fetch("test", {"board": "sql", "database": url})
    board.connect()
    yield board
    board.close()


def begin(catalog: Catalog, host: str | None = None) -> ImportRecord:
    image = catalog.images.create(NewImage(disk_format="raw", container_format="bare"))
    return catalog.imports.begin(NewImport(image.id, "web-download", {}, ("main",), host=host), {"queued"})


def test_imports_are_jobs_in_the_order_in_which_they_were_asked_for(board: Any, catalog: Catalog) -> None:
    begun = [begin(catalog).id for _ in range(5)]
    assert [jobs.import_id(job) for job in board.iterjobs()] == begun
    assert board.job_count == 5


def test_posting_gives_the_job_that_is_there(board: Any, catalog: Catalog) -> None:
    record = begin(catalog)
    jobs.post(board, record)
    assert [jobs.import_id(job) for job in board.iterjobs()] == [record.id]
    with pytest.raises(exceptions.NotFound):
        board.post("job", details={"import_id": "none"})


def test_a_job_goes_from_unclaimed_to_complete(board: Any, catalog: Catalog) -> None:
    record = begin(catalog)
    [job] = board.iterjobs()
    assert (job.state, board.find_owner(job)) == (states.UNCLAIMED, None)
    board.claim(job, "me", expiry=LEASE)
    held = catalog.imports.claim(record.id, "me", LEASE)
    assert (job.state, board.find_owner(job)) == (states.CLAIMED, "me")
    assert job.extend_expiry(LEASE)
    assert list(board.iterjobs(only_unclaimed=True)) == []
    catalog.imports.fail(held.id, held.claim, error={}, message="no")
    board.consume(job, "me")
    assert job.state == states.COMPLETE
    assert not job.extend_expiry(LEASE)
    assert board.job_count == 0


def test_a_claimed_job_is_nobody_elses(board: Any, catalog: Catalog) -> None:
    record = begin(catalog)
    catalog.imports.claim(record.id, "me", LEASE)
    [job] = board.iterjobs()
    with pytest.raises(exceptions.UnclaimableJob):
        board.claim(job, "you", expiry=LEASE)
    board.claim(job, "me", expiry=LEASE)


def test_a_released_job_is_anybodys(board: Any, catalog: Catalog) -> None:
    record = begin(catalog)
    held = catalog.imports.claim(record.id, "me", LEASE)
    catalog.imports.release(held.id, held.claim)
    [job] = board.iterjobs(only_unclaimed=True)
    board.claim(job, "you", expiry=LEASE)


def test_a_claim_that_has_run_out_is_anybodys(board: Any, catalog: Catalog) -> None:
    record = begin(catalog)
    catalog.imports.claim(record.id, "me", 0)
    [job] = board.iterjobs(only_unclaimed=True)
    assert board.find_owner(job) is None
    board.claim(job, "you", expiry=LEASE)


def test_waiting_ends_with_a_job_or_with_time(board: Any, catalog: Catalog) -> None:
    with pytest.raises(exceptions.NotFound):
        board.wait(timeout=0)
    record = begin(catalog)
    assert [job.uuid for job in board.wait(timeout=5)] == [record.id]


def test_a_job_with_a_host_runs_there_only(board: Any, catalog: Catalog) -> None:
    begin(catalog, "here")
    begin(catalog)
    here, anywhere = board.iterjobs()
    assert jobs.runs_on(here, "here")
    assert not jobs.runs_on(here, "there")
    assert jobs.runs_on(anywhere, "there")


def test_a_board_that_is_not_connected_says_so() -> None:
    board = backends.fetch("test", {"board": "sql", "database": "sqlite://"})
    assert not board.connected
    with pytest.raises(exceptions.JobFailure):
        board.post("job")
