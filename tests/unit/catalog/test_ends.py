"""How imports end, and what they leave on the image."""

from dataclasses import replace

import pytest
from sqlalchemy import update

from glimpse.catalog import Catalog, Database
from glimpse.catalog.records import FAILED, IMPORTING, Image, NewImage, Phase, Restore
from glimpse.catalog.tables import images
from glimpse.errors import Conflict, Forbidden, NotFound
from tests.unit.catalog.clock import Clock
from tests.unit.catalog.scenes import (
    LEASE,
    active_image,
    assert_void,
    location,
    new_import,
    running,
    staged_file,
)

KNOWN = {
    "size": 7,
    "virtual_size": 9,
    "checksum": "c" * 32,
    "os_hash_algo": "sha512",
    "os_hash_value": "d" * 128,
    "disk_format": "raw",
    "container_format": "bare",
}


def test_success_makes_the_image_active_and_frees_it(catalog: Catalog, clock: Clock, image: Image) -> None:
    record = running(catalog, image.id, "main", "mirror")
    of = (record.id, record.claim)
    for store in ("main", "mirror"):
        catalog.imports.commit_target(*of, store, location(store))
    catalog.imports.succeed(*of, attributes=KNOWN, message="done", phases=[Phase("deliver", "done", 7, 7)])

    shown = catalog.images.get(image.id)
    assert (shown.status, shown.import_id) == ("active", None)
    assert {name: getattr(shown, name) for name in KNOWN} == KNOWN
    assert shown.properties == {IMPORTING: "", FAILED: ""}
    assert [place.store for place in shown.locations] == ["main", "mirror"]
    ended = catalog.imports.get(record.id)
    assert (ended.status, ended.message, ended.result) == ("success", "done", {"image_id": image.id})
    assert (ended.claimed_by, ended.lease_until, ended.error) == (None, None, None)
    assert ended.phases == (Phase("deliver", "done", 7, 7),)
    assert ended.expires_at is not None
    assert (ended.expires_at - clock()).total_seconds() == pytest.approx(48 * 3600, abs=1)
    assert_void(catalog, record)


def test_the_life_of_an_ended_task_is_configurable(db: Database, clock: Clock, image: Image) -> None:
    catalog = Catalog(db, clock=clock, task_time_to_live=1)
    record = running(catalog, image.id)
    catalog.imports.fail(record.id, record.claim, error={}, message="no")
    expires_at = catalog.imports.get(record.id).expires_at
    assert expires_at is not None
    assert (expires_at - clock()).total_seconds() == pytest.approx(3600, abs=1)


def test_success_with_some_stores_names_the_others(catalog: Catalog, image: Image) -> None:
    record = running(catalog, image.id, "a", "b", "c")
    of = (record.id, record.claim)
    catalog.imports.commit_target(*of, "b", location("b"))
    catalog.imports.fail_target(*of, "a", "disk full")
    catalog.imports.succeed(*of, attributes={"size": 1})
    assert catalog.images.get(image.id).properties == {IMPORTING: "", FAILED: "a,c"}
    assert [target.error for target in catalog.imports.get(record.id).targets] == [
        "disk full",
        None,
        "not delivered",
    ]


def test_an_image_without_data_never_becomes_active(catalog: Catalog, image: Image) -> None:
    record = running(catalog, image.id, "a")
    with pytest.raises(Conflict, match="no data"):
        catalog.imports.succeed(record.id, record.claim, attributes=KNOWN)
    assert catalog.images.get(image.id).status == "importing"
    catalog.imports.renew(record.id, record.claim, LEASE)


def test_an_import_sets_only_what_it_may(catalog: Catalog, image: Image) -> None:
    record = running(catalog, image.id, "a")
    catalog.imports.commit_target(record.id, record.claim, "a", location("a"))
    for name in ("status", "owner", "claim", "name"):
        with pytest.raises(Forbidden, match=name):
            catalog.imports.succeed(record.id, record.claim, attributes={name: "x"})


def test_failure_leaves_an_image_that_can_be_imported_again(
    catalog: Catalog, clock: Clock, image: Image
) -> None:
    claim = catalog.images.begin_upload(image.id, "stage", None, "api-1", LEASE)
    catalog.uploads.complete_stage(claim, staged_file(image.id))
    begun = catalog.imports.begin(new_import(image.id, "b", "a", "c", method="glance-direct"), {"uploading"})
    record = catalog.imports.claim(begun.id, "conductor-1", LEASE)
    of = (record.id, record.claim)
    catalog.imports.commit_target(*of, "a", location("a"))
    catalog.imports.fail_target(*of, "b", "disk full")
    error = {"code": "no-space", "message": "store b is full"}
    removed = catalog.imports.fail(*of, error=error, message="store b is full")

    assert [(place.store, place.url) for place in removed] == [("a", "file:///a/x")]
    shown = catalog.images.get(image.id)
    assert (shown.status, shown.import_id, shown.locations) == ("queued", None, ())
    assert (shown.size, shown.virtual_size, shown.checksum) == (None, None, None)
    assert (shown.os_hash_algo, shown.os_hash_value) == (None, None)
    assert shown.properties == {IMPORTING: "", FAILED: "a,b,c"}
    assert catalog.staged.get(image.id) is None
    ended = catalog.imports.get(record.id)
    assert (ended.status, ended.message, ended.error) == ("failure", "store b is full", error)
    assert ended.expires_at is not None
    assert ended.expires_at > clock()
    assert [target.error for target in ended.targets] == ["disk full", "store b is full", "store b is full"]
    assert_void(catalog, record)
    running(catalog, image.id)


def test_a_new_import_empties_the_list_of_failures(catalog: Catalog, image: Image) -> None:
    record = running(catalog, image.id, "a", "b")
    catalog.imports.fail(record.id, record.claim, error={}, message="no")
    assert catalog.images.get(image.id).properties[FAILED] == "a,b"
    catalog.imports.begin(new_import(image.id, "a"), {"queued"})
    assert catalog.images.get(image.id).properties == {IMPORTING: "a", FAILED: ""}


def test_failure_restores_properties_as_told(catalog: Catalog) -> None:
    image = catalog.images.create(NewImage(properties={"keep": "1", "drop": "2"}))
    record = running(catalog, image.id, "a")
    restore = Restore(set={"keep": "0", "more": None}, remove=("drop", "never-there"))
    catalog.imports.fail(record.id, record.claim, error={}, message="no", restore=restore)
    shown = catalog.images.get(image.id).properties
    assert {name: value for name, value in shown.items() if name not in (IMPORTING, FAILED)} == {
        "keep": "0",
        "more": None,
    }


def test_a_failed_copy_takes_back_only_its_own(catalog: Catalog) -> None:
    image_id = active_image(catalog, "main")
    begun = catalog.imports.begin(new_import(image_id, "x", "y", method="copy-image"), {"active"})
    record = catalog.imports.claim(begun.id, "conductor-1", LEASE)
    catalog.imports.commit_target(record.id, record.claim, "x", location("x"))
    removed = catalog.imports.fail(record.id, record.claim, error={}, message="no")
    assert [place.store for place in removed] == ["x"]
    shown = catalog.images.get(image_id)
    assert (shown.status, shown.size, shown.checksum) == ("active", 10, "c" * 32)
    assert [place.store for place in shown.locations] == ["main"]
    assert shown.properties == {IMPORTING: "", FAILED: "x,y"}


def test_an_image_deactivated_during_a_copy_stays_so(catalog: Catalog) -> None:
    image_id = active_image(catalog, "main")
    begun = catalog.imports.begin(new_import(image_id, "x", method="copy-image"), {"active"})
    record = catalog.imports.claim(begun.id, "conductor-1", LEASE)
    catalog.images.change_status(image_id, "active", "deactivated")
    catalog.imports.commit_target(record.id, record.claim, "x", location("x"))
    catalog.imports.succeed(record.id, record.claim, attributes={})
    assert catalog.images.get(image_id).status == "deactivated"


def test_an_import_that_nobody_took_up_can_be_failed_by_who_began_it(catalog: Catalog, image: Image) -> None:
    begun = catalog.imports.begin(new_import(image.id), {"queued"})
    catalog.imports.fail(begun.id, begun.claim, error={}, message="the job could not be posted")
    assert catalog.images.get(image.id).status == "queued"


def test_of_a_deleted_image_only_the_record_is_ended(catalog: Catalog, image: Image) -> None:
    record = running(catalog, image.id, "a")
    with catalog.db.write() as conn:
        # As an older version, or a hand in the database, might have left it.
        conn.execute(update(images).values(deleted=True, status="deleted"))
    catalog.imports.fail(record.id, record.claim, error={}, message="gone")
    assert catalog.imports.get(record.id).status == "failure"
    with catalog.db.read() as conn:
        assert conn.execute(images.select()).one().status == "deleted"
    with pytest.raises(NotFound):
        catalog.images.get(image.id)


@pytest.mark.parametrize("end", ["succeed", "fail", "delete"])
def test_what_was_sealed_is_gone_at_every_end(catalog: Catalog, image: Image, end: str) -> None:
    new = replace(new_import(image.id), sealed="scrambled")
    held = catalog.imports.claim(catalog.imports.begin(new, {"queued"}).id, "conductor-1", LEASE)
    catalog.imports.release(held.id, held.claim)
    held = catalog.imports.claim(held.id, "conductor-2", LEASE)
    assert (held.sealed, "scrambled" in repr(held)) == ("scrambled", False)
    if end == "succeed":
        catalog.imports.commit_target(held.id, held.claim, "main", location("main"))
        catalog.imports.succeed(held.id, held.claim, attributes={})
    elif end == "fail":
        catalog.imports.fail(held.id, held.claim, error={}, message="no")
    else:
        catalog.images.delete(image.id)
    assert catalog.imports.get(held.id).sealed is None
