"""The jobs on the jobboard: each names an import record in the catalog and nothing that matters besides."""

from collections.abc import Mapping
from typing import Any

from taskflow.jobs import backends
from taskflow.jobs.base import Job, JobBoard

from glimpse.catalog.database import Database
from glimpse.catalog.records import ImportRecord

BOARD_NAME = "glimpse"


def open_board(database: Database) -> JobBoard:
    """The connected jobboard on the service's own database."""
    board = backends.fetch(BOARD_NAME, {"board": "sql", "database": database})
    board.connect()
    return board


def post(board: JobBoard, record: ImportRecord) -> None:
    """Tell conductors that there is an import to run. Posting twice is harmless: the claim in the catalog decides."""
    board.post(f"import-{record.id}", details={"import_id": record.id, "host": record.host})


def import_id(job: Job) -> str:
    """The record that the job is about."""
    details: Mapping[str, Any] = job.details
    return str(details["import_id"])


def runs_on(job: Job, host: str) -> bool:
    """Whether a conductor on ``host`` can run the job (its staged bytes may lie elsewhere)."""
    details: Mapping[str, Any] = job.details
    return details.get("host") in (None, host)
