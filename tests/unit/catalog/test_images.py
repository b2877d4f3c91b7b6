"""Creating, changing and deleting images."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from glimpse.catalog import Catalog, Database
from glimpse.catalog.records import FAILED, IMPORTING, Image, ImageQuery, NewImage, UploadKind, Viewer
from glimpse.errors import ClaimLost, Conflict, Forbidden, Invalid, NotFound
from tests.unit.catalog.clock import Clock
from tests.unit.catalog.scenes import (
    LEASE,
    active_image,
    assert_void,
    location,
    running,
    staged_file,
)


def test_what_was_created_is_what_is_shown(catalog: Catalog) -> None:
    new = NewImage(
        id="11111111-2222-3333-4444-555555555555",
        name="Ubuntu ü 🐧",
        visibility="private",
        protected=True,
        os_hidden=True,
        owner="project",
        disk_format="qcow2",
        container_format="bare",
        min_disk=3,
        min_ram=2**31 - 1,
        properties={"b": "2", "a": "x" * 5000, "n": None},
        tags=("web", "base", "web"),
    )
    created = catalog.images.create(new)
    assert created == catalog.images.get(created.id)
    assert created.status == "queued"
    assert created.properties == {"a": "x" * 5000, "b": "2", "n": None}
    assert created.tags == ("base", "web")
    assert created.claim == 0
    assert created.created_at == created.updated_at
    assert created.created_at.tzinfo is UTC


def test_times_keep_their_microseconds(db: Database) -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    catalog = Catalog(db, clock=lambda: moment)
    assert catalog.images.get(catalog.images.create(NewImage()).id).created_at == moment


def test_a_clock_without_a_zone_is_refused(db: Database) -> None:
    naive = Catalog(db, clock=lambda: datetime(2026, 1, 2))
    with pytest.raises(Exception, match="without a zone"):
        naive.images.create(NewImage())


def test_an_id_is_taken_for_ever(catalog: Catalog, image: Image) -> None:
    with pytest.raises(Conflict):
        catalog.images.create(NewImage(id=image.id))
    catalog.images.delete(image.id)
    with pytest.raises(Conflict):
        catalog.images.create(NewImage(id=image.id))
    with pytest.raises(NotFound):
        catalog.images.get(image.id, Viewer(None, is_admin=True))


def test_a_refused_creation_leaves_no_rows(catalog: Catalog, image: Image) -> None:
    with pytest.raises(Conflict):
        catalog.images.create(NewImage(id=image.id, properties={"mine": "1"}, tags=("mine",)))
    assert catalog.images.get(image.id) == image


def test_an_update_changes_what_it_names_and_nothing_else(catalog: Catalog) -> None:
    image = catalog.images.create(
        NewImage(name="a", min_ram=1, properties={"p": "1", "q": "2", "r": "3"}, tags=("x", "y"))
    )
    changed = catalog.images.update(
        image.id,
        set={"name": None, "protected": True},
        properties={"p": "new", "s": "4"},
        remove_properties=["q", "never-there"],
        tags=["y", "z"],
    )
    assert changed == catalog.images.get(image.id)
    assert (changed.name, changed.protected, changed.min_ram) == (None, True, 1)
    assert changed.properties == {"p": "new", "r": "3", "s": "4"}
    assert changed.tags == ("y", "z")
    assert changed.updated_at > image.updated_at
    assert changed.created_at == image.created_at


def test_an_update_of_nothing_is_no_change(catalog: Catalog, image: Image) -> None:
    assert catalog.images.update(image.id) == image


def test_tags_may_be_emptied_or_left(catalog: Catalog) -> None:
    image = catalog.images.create(NewImage(tags=("x",)))
    assert catalog.images.update(image.id, set={"name": "n"}).tags == ("x",)
    assert catalog.images.update(image.id, tags=()).tags == ()


@pytest.mark.parametrize("name", ["os_glance_import_task", IMPORTING, FAILED, "os_glance_anything"])
def test_reserved_properties_are_refused_everywhere(catalog: Catalog, image: Image, name: str) -> None:
    with pytest.raises(Forbidden):
        catalog.images.update(image.id, properties={"fine": "1", name: "x"})
    with pytest.raises(Forbidden):
        catalog.images.update(image.id, remove_properties=[name])
    with pytest.raises(Forbidden):
        catalog.images.create(NewImage(properties={name: "x"}))
    assert catalog.images.get(image.id) == image


@pytest.mark.parametrize(
    "name", ["status", "size", "checksum", "claim", "deleted", "id", "created_at", "nonsense"]
)
def test_attributes_of_the_service_are_read_only(catalog: Catalog, image: Image, name: str) -> None:
    with pytest.raises(Forbidden, match=f"'{name}'"):
        catalog.images.update(image.id, set={name: 1})


def test_formats_are_fixed_once_there_is_data(catalog: Catalog, image: Image) -> None:
    assert catalog.images.update(image.id, set={"disk_format": "qcow2"}).disk_format == "qcow2"
    active = active_image(catalog)
    with pytest.raises(Forbidden, match="while it is active"):
        catalog.images.update(active, set={"disk_format": "qcow2"}, properties={"p": "1"})
    assert catalog.images.get(active).properties == {}
    assert catalog.images.update(active, set={"name": "fine"}).name == "fine"


def test_what_is_not_there_is_not_found(catalog: Catalog) -> None:
    for call in (
        lambda: catalog.images.get("none"),
        lambda: catalog.images.update("none", set={"name": "x"}),
        lambda: catalog.images.update("none", set={"disk_format": "raw"}),
        lambda: catalog.images.update("none", properties={"p": "1"}),
        lambda: catalog.images.delete("none"),
        lambda: catalog.images.begin_upload("none", "file", None, "api", LEASE),
    ):
        with pytest.raises(NotFound):
            call()


def test_a_protected_image_is_not_deleted(catalog: Catalog) -> None:
    image = catalog.images.create(NewImage(protected=True))
    with pytest.raises(Forbidden, match="protected"):
        catalog.images.delete(image.id)
    catalog.images.update(image.id, set={"protected": False})
    catalog.images.delete(image.id)


def test_an_invisible_image_is_not_found_by_delete(catalog: Catalog) -> None:
    image = catalog.images.create(NewImage(owner="p", visibility="private"))
    with pytest.raises(NotFound):
        catalog.images.delete(image.id, Viewer("other"))
    catalog.images.delete(image.id, Viewer("p"))


def test_deleting_twice_finds_nothing(catalog: Catalog, image: Image) -> None:
    catalog.images.delete(image.id)
    with pytest.raises(NotFound):
        catalog.images.delete(image.id)


def test_deleting_names_the_locations_to_clean(catalog: Catalog) -> None:
    image_id = active_image(catalog, "main")
    gone = catalog.images.delete(image_id)
    assert [(place.store, place.url) for place in gone.locations] == [
        ("main", location("main", image_id).url)
    ]
    assert (gone.staged, gone.upload, gone.import_id) == (None, None, None)
    assert catalog.images.list(ImageQuery()).images == ()


def test_deleting_during_an_upload_takes_its_claim(catalog: Catalog, image: Image) -> None:
    claim = catalog.images.begin_upload(image.id, "file", "main", "api-1", LEASE)
    gone = catalog.images.delete(image.id)
    assert gone.upload == claim
    assert gone.claim > claim.claim
    with pytest.raises(ClaimLost):
        catalog.uploads.renew(claim, LEASE)
    with pytest.raises(ClaimLost):
        catalog.uploads.complete_file(claim, location("main"), 1, 1, None, None, None)
    assert catalog.uploads.fail(claim) is False


def test_deleting_staged_data_names_the_file(catalog: Catalog, image: Image) -> None:
    claim = catalog.images.begin_upload(image.id, "stage", None, "api-1", LEASE)
    catalog.uploads.complete_stage(claim, staged_file(image.id))
    assert catalog.images.delete(image.id).staged == staged_file(image.id)
    assert catalog.staged.get(image.id) is None


def test_deleting_during_an_import_ends_its_record_and_its_claim(catalog: Catalog, image: Image) -> None:
    record = running(catalog, image.id, "main", "mirror")
    catalog.imports.commit_target(record.id, record.claim, "main", location("main"))
    gone = catalog.images.delete(image.id)
    assert gone.import_id == record.id
    assert gone.claim > record.claim
    assert [place.store for place in gone.locations] == ["main"]

    ended = catalog.imports.get(record.id)
    assert ended.status == "failure"
    assert "deleted" in ended.message
    assert ended.error is not None
    assert ended.expires_at is not None
    assert {target.state for target in ended.targets} == {"failed"}
    assert_void(catalog, record)


def test_an_upload_needs_a_queued_image_with_formats(catalog: Catalog, image: Image) -> None:
    bare = catalog.images.create(NewImage())
    with pytest.raises(Invalid, match="disk_format"):
        catalog.images.begin_upload(bare.id, "file", None, "api-1", LEASE)
    assert catalog.images.get(bare.id) == bare
    assert catalog.images.begin_upload(bare.id, "stage", None, "api-1", LEASE).claim == 1

    catalog.images.begin_upload(image.id, "file", None, "api-1", LEASE)
    assert catalog.images.get(image.id).status == "saving"
    kinds: tuple[UploadKind, ...] = ("file", "stage")
    for kind in kinds:
        with pytest.raises(Conflict):
            catalog.images.begin_upload(image.id, kind, None, "api-2", LEASE)


def test_claims_only_count_up(catalog: Catalog, clock: Clock, image: Image) -> None:
    seen = [image.claim]
    for _ in range(3):
        claim = catalog.images.begin_upload(image.id, "file", None, "api-1", LEASE)
        catalog.uploads.fail(claim)
        seen.append(claim.claim)
    record = running(catalog, image.id)
    seen.append(record.claim)
    clock.pass_seconds(LEASE)
    seen.append(catalog.imports.claim(record.id, "conductor-2", LEASE).claim)
    seen.append(catalog.images.delete(image.id).claim)
    assert seen == sorted(set(seen))


def test_progress_does_not_touch_updated_at_and_results_do(
    catalog: Catalog, clock: Clock, image: Image
) -> None:
    record = running(catalog, image.id, "main", "mirror")
    before = catalog.images.get(image.id).updated_at
    clock.pass_seconds(1)
    catalog.imports.renew(record.id, record.claim, LEASE)
    catalog.imports.journal(record.id, record.claim, message="half")
    catalog.imports.start_targets(record.id, record.claim, ["main"])
    assert catalog.images.get(image.id).updated_at == before
    catalog.imports.commit_target(record.id, record.claim, "main", location("main"))
    assert catalog.images.get(image.id).updated_at >= before + timedelta(seconds=1)


def test_a_patch_and_an_import_do_not_overwrite_each_other(url: str, catalog: Catalog, image: Image) -> None:
    record = running(catalog, image.id)
    start = threading.Barrier(2)
    # Two databases, as in two processes: they share no lock but the file's.
    users, engine = Database(url), Database(url)

    def patch() -> None:
        start.wait()
        for number in range(50):
            Catalog(users).images.update(image.id, properties={"user": str(number), f"u{number}": "1"})

    def inject() -> None:
        start.wait()
        for number in range(50):
            Catalog(engine).imports.inject(
                record.id, record.claim, {"engine": str(number), f"e{number}": "1"}
            )

    threads = [threading.Thread(target=work) for work in (patch, inject)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    shown = catalog.images.get(image.id).properties
    assert (shown["user"], shown["engine"]) == ("49", "49")
    assert len([name for name in shown if name[0] in "ue" and name[1:].isdigit()]) == 100
    users.close()
    engine.close()


def test_a_patch_during_an_import_is_kept_by_its_end(catalog: Catalog, image: Image) -> None:
    record = running(catalog, image.id, "main")
    catalog.images.update(image.id, set={"name": "renamed"}, properties={"mine": "1"}, tags=["t"])
    catalog.imports.commit_target(record.id, record.claim, "main", location("main"))
    catalog.imports.succeed(record.id, record.claim, attributes={"size": 5})
    shown = catalog.images.get(image.id)
    assert (shown.name, shown.properties["mine"], shown.tags, shown.size) == ("renamed", "1", ("t",), 5)
