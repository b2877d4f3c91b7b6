"""Imports as clients see them."""

import dataclasses
from datetime import UTC, datetime

from glimpse.api.imports import mask, progress, shown, task
from glimpse.catalog.records import ImportRecord, Phase, Target
from tests.unit.api.records import ADMIN, ID, MEMBER

BEGAN = datetime(2026, 1, 2, 3, 4, 5, 60_000, UTC)
RECORD = ImportRecord(
    id="import",
    image_id=ID,
    status="processing",
    method="web-download",
    request={"method": {"name": "web-download", "uri": "http://u:p@h/x"}, "stores": ["a", "b"]},
    stores=("a", "b"),
    all_stores_must_succeed=True,
    owner="blue",
    user_id="u",
    roles=("member",),
    request_id="req-1",
    host=None,
    claim=2,
    claimed_by="worker",
    lease_until=BEGAN,
    attempts=1,
    plan=None,
    state={},
    phases=(Phase("acquire", "done", 10, 10, BEGAN, BEGAN), Phase("deliver", "running", 5)),
    targets=(Target("a", "committed", "s3://k:s@h/o", None), Target("b", "failed", None, "it is full")),
    message="Copied 1 MiB",
    result=None,
    error=None,
    created_at=BEGAN,
    updated_at=BEGAN,
    expires_at=None,
)


def test_progress() -> None:
    assert progress(RECORD) == {
        "id": "import",
        "image_id": ID,
        "status": "processing",
        "method": {"name": "web-download", "uri": "http://***@h/x"},
        "stores": [
            {"store": "a", "state": "committed", "url": "s3://***@h/o"},
            {"store": "b", "state": "failed", "error": "it is full"},
        ],
        "phases": [
            {
                "name": "acquire",
                "state": "done",
                "done": 10,
                "total": 10,
                "started_at": "2026-01-02T03:04:05.060Z",
                "finished_at": "2026-01-02T03:04:05.060Z",
            },
            {
                "name": "deliver",
                "state": "running",
                "done": 5,
                "total": None,
                "started_at": None,
                "finished_at": None,
            },
        ],
        "message": "Copied 1 MiB",
        "error": None,
        "created_at": "2026-01-02T03:04:05Z",
        "updated_at": "2026-01-02T03:04:05Z",
    }


def test_a_failure_says_what_failed() -> None:
    error = {"stage": "acquire", "code": "not-found", "message": "404", "hint": "", "retryable": False}
    assert progress(dataclasses.replace(RECORD, status="failure", error=error))["error"] == error


def test_strangers_see_progress_and_neither_source_nor_reasons() -> None:
    error = {"stage": "acquire", "code": "not-found", "message": "HTTP 404 from http://h/x", "hint": ""}
    record = dataclasses.replace(RECORD, status="failure", message="HTTP 404 from http://h/x", error=error)
    whole, seen = progress(record, places=False), progress(record, places=False, details=False)
    assert whole.keys() == seen.keys()
    assert {name: seen[name] for name in seen if seen[name] != whole[name]} == {
        "method": {"name": "web-download"},
        "stores": [{"store": "a", "state": "committed"}, {"store": "b", "state": "failed"}],
        "message": "",
        "error": None,
    }


def test_a_task_has_the_columns_of_the_table_and_times_without_a_zone() -> None:
    row = task(RECORD)
    assert list(row) == [
        "id", "type", "status", "owner", "expires_at", "created_at", "updated_at", "deleted_at", "deleted", "image_id",
        "request_id", "user_id", "input", "result", "message",
    ]  # fmt: skip
    assert row["created_at"] == "2026-01-02T03:04:05.060000"
    assert row["input"] == {
        "image_id": ID,
        "import_req": {"method": {"name": "web-download", "uri": "http://***@h/x"}, "stores": ["a", "b"]},
        "backend": ["a", "b"],
    }


def test_user_names_and_passwords_in_addresses_are_masked() -> None:
    assert mask("https://user:pass@host/p?signature=secret") == "https://***@host/p?***"
    assert "pa" not in str(mask("https://user:pa@ss@host/p"))
    assert mask("https://host/a@b") == "https://host/a@b"
    assert mask(None) is None


def test_a_task_is_seen_by_its_project_and_administrators_until_it_has_expired() -> None:
    nobody = dataclasses.replace(MEMBER, project_id=None)
    ownerless = dataclasses.replace(RECORD, owner=None)
    expired = dataclasses.replace(RECORD, expires_at=BEGAN)
    assert [shown(RECORD, who) for who in (ADMIN, MEMBER, nobody)] == [True, True, False]
    # Who has no project does not own what nobody owns.
    assert [shown(ownerless, who) for who in (ADMIN, MEMBER, nobody)] == [True, False, False]
    assert not shown(expired, ADMIN)
