"""Situations that many tests begin with."""

from collections.abc import Callable

import pytest

from glimpse.catalog import Catalog
from glimpse.catalog.records import ImageQuery, ImportRecord, NewImage, NewImport, NewLocation, StagedFile
from glimpse.errors import ClaimLost

LEASE = 10.0


def new_import(
    image_id: str, *stores: str, method: str = "web-download", host: str | None = None
) -> NewImport:
    request = {"method": {"name": method}}
    return NewImport(image_id, method, request, stores or ("main",), owner="p", host=host)


def running(catalog: Catalog, image_id: str, *stores: str) -> ImportRecord:
    """An import of a queued image, taken up by a conductor."""
    begun = catalog.imports.begin(new_import(image_id, *stores), {"queued"})
    return catalog.imports.claim(begun.id, "conductor-1", LEASE)


def location(store: str, name: str = "x") -> NewLocation:
    return NewLocation(f"file:///{store}/{name}", store)


def staged_file(image_id: str, host: str = "here") -> StagedFile:
    return StagedFile(
        image_id, host, f"/staging/{image_id}", 1, 2, 4096, 1_700_000_000_000_000_001, {"md5": "0" * 32}
    )


def active_image(catalog: Catalog, store: str = "main") -> str:
    """An image with data in one store."""
    image = catalog.images.create(NewImage(name="active", disk_format="raw", container_format="bare"))
    claim = catalog.images.begin_upload(image.id, "file", store, "api-1", LEASE)
    catalog.uploads.complete_file(claim, location(store, image.id), 10, 10, "c" * 32, "sha512", "d" * 128)
    return image.id


def assert_void(catalog: Catalog, record: ImportRecord) -> None:
    """Nothing that needs the claim of ``record`` works any more, and nothing is changed by trying."""
    imports, of = catalog.imports, (record.id, record.claim)
    store = record.stores[0]
    image, before = record.image_id, imports.get(record.id)
    calls: dict[str, Callable[[], object]] = {
        "renew": lambda: imports.renew(*of, LEASE),
        "release": lambda: imports.release(*of),
        "journal": lambda: imports.journal(*of, state={"late": True}, message="late"),
        "inject": lambda: imports.inject(*of, {"late": "1"}),
        "change": lambda: imports.change(*of, properties={"late": "1"}),
        "start_targets": lambda: imports.start_targets(*of, [store]),
        "commit_target": lambda: imports.commit_target(*of, store, location(store, "late")),
        "fail_target": lambda: imports.fail_target(*of, store, "late"),
        "succeed": lambda: imports.succeed(*of, attributes={"size": 666}),
        "fail": lambda: imports.fail(*of, error={}, message="late"),
    }
    for name, call in calls.items():
        try:
            call()
        except ClaimLost:
            continue
        pytest.fail(f"{name} went through")
    assert imports.get(record.id) == before
    assert "late" not in str(catalog.images.list(ImageQuery(filters={"id": image}, os_hidden=None)))
