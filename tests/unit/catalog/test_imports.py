"""Beginning imports: the lock, the record and who may take them up."""

import threading

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from glimpse.catalog import Catalog, Database
from glimpse.catalog.records import FAILED, IMPORTING, Image, NewImage, NewImport
from glimpse.catalog.tables import imports
from glimpse.errors import Conflict, Invalid, NotFound
from tests.unit.catalog.clock import Clock
from tests.unit.catalog.scenes import LEASE, active_image, new_import, running


def test_beginning_locks_the_image_and_records_everything(catalog: Catalog, image: Image) -> None:
    new = NewImport(
        image.id,
        "web-download",
        {"method": {"name": "web-download", "uri": "http://x/ü"}},
        ("mirror", "main"),
        all_stores_must_succeed=False,
        owner="project",
        user_id="user",
        roles=("member", "reader"),
        request_id="req-1",
        host="here",
    )
    record = catalog.imports.begin(new, {"queued"})
    assert record == catalog.imports.get(record.id)
    assert (record.status, record.method, record.request) == ("pending", new.method, new.request)
    assert (record.stores, record.all_stores_must_succeed) == (("mirror", "main"), False)
    assert (record.owner, record.user_id, record.roles) == ("project", "user", ("member", "reader"))
    assert (record.request_id, record.host, record.claimed_by, record.lease_until) == (
        "req-1",
        "here",
        None,
        None,
    )
    assert [(target.store, target.state) for target in record.targets] == [
        ("mirror", "pending"),
        ("main", "pending"),
    ]
    assert (record.plan, record.state, record.phases, record.result, record.error) == (
        None,
        {},
        (),
        None,
        None,
    )

    shown = catalog.images.get(image.id)
    assert (shown.status, shown.import_id, shown.claim) == ("importing", record.id, record.claim)
    assert shown.properties == {IMPORTING: "main,mirror", FAILED: ""}
    assert shown.updated_at > image.updated_at


def test_a_single_store_service_lists_no_stores(catalog: Catalog, image: Image) -> None:
    new = NewImport(image.id, "web-download", {}, ("main",), lists_stores=False)
    begun = catalog.imports.begin(new, {"queued"})
    assert catalog.images.get(image.id).properties == {IMPORTING: "", FAILED: ""}
    catalog.imports.fail(begun.id, begun.claim, error={}, message="no")
    assert catalog.images.get(image.id).properties == {IMPORTING: "", FAILED: ""}


def test_copying_leaves_an_active_image_active(catalog: Catalog) -> None:
    image_id = active_image(catalog)
    record = catalog.imports.begin(new_import(image_id, "mirror", method="copy-image"), {"active"})
    shown = catalog.images.get(image_id)
    assert (shown.status, shown.import_id, shown.size) == ("active", record.id, 10)


def test_a_locked_image_is_not_imported_again(catalog: Catalog, image: Image) -> None:
    first = catalog.imports.begin(new_import(image.id), {"queued"})
    with pytest.raises(Conflict, match=first.id):
        catalog.imports.begin(new_import(image.id), {"queued", "importing"})
    assert [record.id for record in catalog.imports.for_image(image.id)] == [first.id]


def test_of_many_imports_begun_at_once_one_wins(url: str, catalog: Catalog, image: Image) -> None:
    count = 8
    start = threading.Barrier(count)
    outcomes: list[str] = []

    def begin() -> None:
        # A database for each, as in a process for each: they share no lock but the file's.
        db = Database(url)
        start.wait()
        try:
            Catalog(db).imports.begin(new_import(image.id), {"queued"})
            outcomes.append("won")
        except Conflict:
            outcomes.append("conflict")
        finally:
            db.close()

    threads = [threading.Thread(target=begin) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["conflict"] * (count - 1) + ["won"]
    assert len(catalog.imports.for_image(image.id)) == 1


def test_the_database_itself_refuses_a_second_lock(catalog: Catalog, image: Image) -> None:
    other = catalog.images.create(NewImage())
    for owner in (image, other):
        catalog.imports.begin(new_import(owner.id), {"queued"})
    with pytest.raises(IntegrityError), catalog.db.write() as conn:
        conn.execute(update(imports).values(lock_image_id=image.id))


def test_the_status_must_be_one_of_those_asked_for(catalog: Catalog, image: Image) -> None:
    with pytest.raises(Conflict, match="is queued"):
        catalog.imports.begin(new_import(image.id), {"uploading"})
    with pytest.raises(NotFound):
        catalog.imports.begin(new_import("none"), {"queued"})
    assert catalog.images.get(image.id) == image
    catalog.images.delete(image.id)
    with pytest.raises(NotFound):
        catalog.imports.begin(new_import(image.id), {"queued"})


def test_an_image_can_be_imported_again_after_a_failure(catalog: Catalog, image: Image) -> None:
    first = running(catalog, image.id)
    catalog.imports.fail(first.id, first.claim, error={}, message="no")
    second = running(catalog, image.id)
    assert second.claim > first.claim
    assert [record.id for record in catalog.imports.for_image(image.id)] == [second.id, first.id]


def test_expired_tasks_are_left_out_and_purged(catalog: Catalog, clock: Clock, image: Image) -> None:
    record = running(catalog, image.id)
    catalog.imports.fail(record.id, record.claim, error={}, message="no")
    later = running(catalog, image.id)
    assert catalog.imports.purge() == 0
    clock.pass_seconds(48 * 3600 + 1)
    assert [known.id for known in catalog.imports.for_image(image.id)] == [later.id]
    assert catalog.imports.get(record.id).status == "failure"
    assert catalog.imports.purge() == 1
    with pytest.raises(NotFound):
        catalog.imports.get(record.id)
    assert catalog.imports.get(later.id).targets == later.targets


def test_conductors_see_what_is_theirs_to_claim(catalog: Catalog, clock: Clock) -> None:
    anywhere, here, there = (
        catalog.imports.begin(new_import(catalog.images.create(NewImage()).id, host=host), {"queued"})
        for host in (None, "here", "there")
    )

    def open_to(host: str) -> list[str]:
        return [record.id for record in catalog.imports.unclaimed(host)]

    assert open_to("here") == [anywhere.id, here.id]
    assert open_to("there") == [anywhere.id, there.id]
    taken = catalog.imports.claim(here.id, "conductor-1", LEASE)
    assert open_to("here") == [anywhere.id]
    clock.pass_seconds(LEASE + 1)
    assert open_to("here") == [anywhere.id, here.id]
    catalog.imports.renew(taken.id, taken.claim, LEASE)
    assert open_to("here") == [anywhere.id]
    catalog.imports.fail(taken.id, taken.claim, error={}, message="no")
    clock.pass_seconds(LEASE + 1)
    assert open_to("here") == [anywhere.id]


def test_an_image_and_its_import_are_made_together_or_not_at_all(catalog: Catalog) -> None:
    def describe(image: Image) -> NewImport:
        return NewImport(image_id=image.id, method="import", request={}, stores=("main",))

    record = catalog.imports.begin_with_image(NewImage(name="both"), describe)
    made = catalog.images.get(record.image_id)
    assert (made.name, made.status, made.import_id) == ("both", "importing", record.id)

    def refuse(image: Image) -> NewImport:
        raise Invalid(f"not {image.name}")

    image_id = "abcdabcd-0000-0000-0000-000000000000"
    with pytest.raises(Invalid, match="not nothing"):
        catalog.imports.begin_with_image(NewImage(id=image_id, name="nothing"), refuse)
    with pytest.raises(NotFound):
        catalog.images.get(image_id)
    assert catalog.images.create(NewImage(id=image_id)).id == image_id
