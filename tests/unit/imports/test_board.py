"""The SQL jobboard keeps the contract of TaskFlow's boards."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from taskflow import exceptions, states
from taskflow.jobs import backends

from glimpse.catalog import Database
from glimpse.imports import jobs


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database that is ready."""
    database = Database(f"sqlite:///{tmp_path / 'db'}")
    database.upgrade()
    database.close()
    return f"sqlite:///{tmp_path / 'db'}"


def connected(url: str) -> Any:
    """A board as TaskFlow finds it by its name."""
    board = backends.fetch("test", {"board": "sql", "database": url})
    board.connect()
    return board


@pytest.fixture
def board(url: str) -> Iterator[Any]:
    board = connected(url)
    yield board
    board.close()


@pytest.fixture
def other(url: str) -> Iterator[Any]:
    """The same board, seen by another process."""
    board = connected(url)
    yield board
    board.close()


def test_jobs_come_in_the_order_in_which_they_were_posted(board: Any) -> None:
    names = [board.post(f"job-{number}", details={"number": number}).name for number in range(5)]
    assert [job.name for job in board.iterjobs()] == names
    assert [job.details["number"] for job in board.iterjobs()] == list(range(5))
    assert board.job_count == 5


def test_a_job_goes_from_unclaimed_to_complete(board: Any) -> None:
    job = board.post("job")
    assert (job.state, board.find_owner(job)) == (states.UNCLAIMED, None)
    board.claim(job, "me", expiry=30)
    assert (job.state, board.find_owner(job)) == (states.CLAIMED, "me")
    assert list(board.iterjobs(only_unclaimed=True)) == []
    board.consume(job, "me")
    assert job.state == states.COMPLETE
    assert board.job_count == 0


def test_a_claimed_job_is_nobody_elses(board: Any) -> None:
    job = board.post("job")
    board.claim(job, "me", expiry=30)
    with pytest.raises(exceptions.UnclaimableJob):
        board.claim(job, "you", expiry=30)
    for end in (board.consume, board.abandon, board.trash):
        with pytest.raises(exceptions.JobFailure):
            end(job, "you")


def test_an_abandoned_job_is_anybodys(board: Any) -> None:
    job = board.post("job")
    board.claim(job, "me", expiry=30)
    board.abandon(job, "me")
    board.claim(job, "you", expiry=30)
    assert board.find_owner(job) == "you"


def test_a_claim_that_has_run_out_is_anybodys_and_cannot_be_extended_by_who_lost_it(
    board: Any, other: Any
) -> None:
    job = board.post("job")
    board.claim(job, "me", expiry=0)
    [found] = other.iterjobs(only_unclaimed=True)
    other.claim(found, "you", expiry=30)
    assert not job.extend_expiry(30)
    assert board.find_owner(job) == "you"


def test_a_claim_that_is_extended_is_kept(board: Any) -> None:
    job = board.post("job")
    board.claim(job, "me", expiry=0)
    assert job.extend_expiry(30)
    assert board.find_owner(job) == "me"
    with pytest.raises(exceptions.UnclaimableJob):
        board.claim(job, "you", expiry=30)


def test_waiting_ends_with_a_job_or_with_time(board: Any) -> None:
    with pytest.raises(exceptions.NotFound):
        board.wait(timeout=0)
    posted = board.post("job")
    assert [job.uuid for job in board.wait(timeout=5)] == [posted.uuid]


def test_a_job_with_a_host_runs_there_only(board: Any) -> None:
    here = board.post("here", details={"import_id": "1", "host": "here"})
    anywhere = board.post("anywhere", details={"import_id": "2", "host": None})
    assert jobs.runs_on(here, "here")
    assert not jobs.runs_on(here, "there")
    assert jobs.runs_on(anywhere, "there")


def test_a_board_that_is_not_connected_says_so() -> None:
    board = backends.fetch("test", {"board": "sql", "database": "sqlite://"})
    assert not board.connected
    with pytest.raises(exceptions.JobFailure):
        board.post("job")
