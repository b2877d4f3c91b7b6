"""Rows of work that was going on when a service was stopped for an upgrade."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from glimpse.catalog import Catalog
from glimpse.catalog.records import ExpiredUpload, ImportRecord, Target
from tests.unit.catalog.scenes import LEASE, location, staged_file

IMPORT, IMPORTED, UPLOAD, UPLOADED, STAGED = (f"00000000-0000-4000-8000-{number:012x}" for number in range(5))

Rows = dict[str, list[dict[str, Any]]]


def under_way(image: dict[str, Any]) -> Rows:
    """An import that has failed at one of two stores, an upload and a staged file, of images like ``image``."""
    at, known = image["created_at"], {"disk_format": "raw", "container_format": "bare", "claim": 3}
    target = {"import_id": IMPORT, "url": None, "error": None}
    return {
        "images": [
            image | known | {"id": image_id, "status": status}
            for image_id, status in ((IMPORTED, "importing"), (UPLOADED, "saving"), (STAGED, "uploading"))
        ],
        "uploads": [
            {
                "id": UPLOAD,
                "image_id": UPLOADED,
                "kind": "file",
                "store": "main",
                "owner_process": "api-1",
                "claim": 3,
                "lease_until": at + timedelta(seconds=LEASE),
                "created_at": at,
                "reserved": None,
            }
        ],
        "staged": [asdict(staged_file(STAGED))],
        "imports": [
            {
                "id": IMPORT,
                "image_id": IMPORTED,
                "lock_image_id": IMPORTED,
                "status": "processing",
                "method": "web-download",
                "request": {"method": {"name": "web-download"}},
                "sealed": None,
                "stores": ("main", "other "),
                "lists_stores": True,
                "all_stores_must_succeed": False,
                "owner": "p",
                "user_id": "u",
                "roles": ("member",),
                "request_id": "req-1",
                "host": None,
                "claim": 3,
                "claimed_by": "conductor-1",
                "lease_until": at + timedelta(seconds=LEASE),
                "attempts": 1,
                "plan": {"é": [1]},
                "state": {"offset": 1 << 40},
                "phases": (),
                "injected": {"build": [None, "7"]},
                "message": "half of it, é",
                "result": None,
                "error": None,
                "created_at": at,
                "updated_at": at,
                "expires_at": None,
                "reserved": None,
            }
        ],
        "import_targets": [
            target | {"store": "main", "position": 0, "state": "writing"},
            target | {"store": "other ", "position": 1, "state": "failed", "error": "no room, é"},
        ],
    }


def goes_on(catalog: Catalog, rows: Rows) -> None:
    """All of :func:`under_way` is shown as it was, and can be brought to its end."""
    [row], record = rows["imports"], catalog.imports.get(IMPORT)
    shown = row.keys() & ImportRecord.__dataclass_fields__.keys()
    assert {key: getattr(record, key) for key in shown} == {key: row[key] for key in shown}
    assert record.targets == (Target("main", "writing"), Target("other ", "failed", None, "no room, é"))
    held = catalog.imports.claim(IMPORT, "conductor-2", LEASE)
    catalog.imports.commit_target(IMPORT, held.claim, "main", location("main"))
    catalog.imports.succeed(IMPORT, held.claim, attributes={"size": 1})
    assert catalog.images.get(IMPORTED).status == "active"

    [lease] = rows["uploads"]
    upload = ExpiredUpload(UPLOAD, UPLOADED, 3, "file", "main", "api-1", lease["lease_until"])
    assert catalog.uploads.expired() == [upload]
    assert catalog.uploads.reap(upload)
    assert catalog.images.get(UPLOADED).status == "queued"

    assert catalog.staged.get(STAGED) == staged_file(STAGED)
