"""Uploads: their lease, their ends, and what happens to those whose process died."""

import pytest

from glimpse.catalog import Catalog
from glimpse.catalog.records import Image, NewImage, UploadKind
from glimpse.errors import ClaimLost, Conflict
from tests.unit.catalog.clock import Clock
from tests.unit.catalog.scenes import LEASE, location, new_import, staged_file

KINDS: tuple[UploadKind, ...] = ("file", "stage")


def test_a_finished_upload_makes_the_image_active(catalog: Catalog, image: Image) -> None:
    claim = catalog.images.begin_upload(image.id, "file", "main", "api-1", LEASE)
    catalog.uploads.complete_file(claim, location("main"), 7, 9, "c" * 32, "sha512", "d" * 128)
    shown = catalog.images.get(image.id)
    assert (shown.status, shown.size, shown.virtual_size) == ("active", 7, 9)
    assert (shown.checksum, shown.os_hash_algo, shown.os_hash_value) == ("c" * 32, "sha512", "d" * 128)
    assert [(place.url, place.store) for place in shown.locations] == [("file:///main/x", "main")]
    with pytest.raises(ClaimLost):
        catalog.uploads.renew(claim, LEASE)


def test_staged_data_waits_for_its_import(catalog: Catalog, image: Image) -> None:
    claim = catalog.images.begin_upload(image.id, "stage", None, "api-1", LEASE)
    assert catalog.images.get(image.id).status == "uploading"
    with pytest.raises(Conflict, match="still being uploaded"):
        catalog.imports.begin(new_import(image.id, method="glance-direct"), {"uploading"})
    catalog.uploads.complete_stage(claim, staged_file(image.id))
    shown = catalog.images.get(image.id)
    assert (shown.status, shown.size, shown.locations) == ("uploading", 4096, ())
    assert catalog.staged.get(image.id) == staged_file(image.id)
    catalog.imports.begin(new_import(image.id, method="glance-direct"), {"uploading"})


@pytest.mark.parametrize("kind", KINDS)
def test_a_failed_upload_can_be_begun_again(catalog: Catalog, image: Image, kind: UploadKind) -> None:
    first = catalog.images.begin_upload(image.id, kind, None, "api-1", LEASE)
    assert catalog.uploads.fail(first) is True
    shown = catalog.images.get(image.id)
    assert (shown.status, shown.size) == ("queued", None)
    second = catalog.images.begin_upload(image.id, kind, None, "api-1", LEASE)
    assert second.claim > first.claim
    assert catalog.uploads.fail(first) is False
    catalog.uploads.renew(second, LEASE)


def test_all_uploads_of_a_process_are_renewed_at_once_and_the_lost_ones_named(
    catalog: Catalog, clock: Clock
) -> None:
    ids = [catalog.images.create(NewImage()).id for _ in range(3)]
    claims = [catalog.images.begin_upload(image_id, "stage", None, "api-1", LEASE) for image_id in ids]
    catalog.images.delete(ids[0])
    clock.pass_seconds(LEASE - 1)
    assert catalog.uploads.renew_all(claims[:2], LEASE) == {claims[0].upload_id}
    clock.pass_seconds(2)
    assert [upload.upload_id for upload in catalog.uploads.expired()] == [claims[2].upload_id]
    assert catalog.uploads.renew_all([], LEASE) == set()


def test_giving_up_late_does_not_undo_a_finished_upload(catalog: Catalog, image: Image) -> None:
    claim = catalog.images.begin_upload(image.id, "stage", None, "api-1", LEASE)
    catalog.uploads.complete_stage(claim, staged_file(image.id))
    assert catalog.uploads.fail(claim) is False
    assert catalog.images.get(image.id).status == "uploading"


@pytest.mark.parametrize("kind", KINDS)
def test_an_upload_whose_process_died_is_put_back(
    catalog: Catalog, clock: Clock, image: Image, kind: UploadKind
) -> None:
    claim = catalog.images.begin_upload(image.id, kind, "main", "api-1", LEASE)
    assert catalog.uploads.expired() == []
    clock.pass_seconds(LEASE + 1)
    [dead] = catalog.uploads.expired()
    assert (dead.image_id, dead.claim, dead.kind, dead.store) == (image.id, claim.claim, kind, "main")
    assert dead.owner_process == "api-1"
    assert catalog.uploads.reap(dead) is True
    assert catalog.uploads.reap(dead) is False
    assert catalog.images.get(image.id).status == "queued"
    assert catalog.images.get(image.id).claim > claim.claim
    with pytest.raises(ClaimLost):
        catalog.uploads.renew(claim, LEASE)
    with pytest.raises(ClaimLost):
        catalog.uploads.complete_file(claim, location("main"), 1, 1, None, None, None)
    with pytest.raises(ClaimLost):
        catalog.uploads.complete_stage(claim, staged_file(image.id))
    assert catalog.images.get(image.id).locations == ()
    assert catalog.staged.get(image.id) is None


def test_a_dead_upload_cannot_publish_into_its_successor(
    catalog: Catalog, clock: Clock, image: Image
) -> None:
    old = catalog.images.begin_upload(image.id, "file", "main", "api-1", LEASE)
    clock.pass_seconds(LEASE + 1)
    assert catalog.uploads.reap(catalog.uploads.expired()[0])
    new = catalog.images.begin_upload(image.id, "file", "main", "api-2", LEASE)
    with pytest.raises(ClaimLost):
        catalog.uploads.complete_file(old, location("main", "old"), 1, 1, None, None, None)
    catalog.uploads.complete_file(new, location("main", "new"), 2, 2, None, None, None)
    assert [place.url for place in catalog.images.get(image.id).locations] == ["file:///main/new"]


def test_an_upload_that_renews_in_time_is_not_reaped(catalog: Catalog, clock: Clock, image: Image) -> None:
    claim = catalog.images.begin_upload(image.id, "file", "main", "api-1", LEASE)
    clock.pass_seconds(LEASE + 1)
    [seen] = catalog.uploads.expired()
    catalog.uploads.renew(claim, LEASE)
    assert catalog.uploads.reap(seen) is False
    assert catalog.uploads.expired() == []
    assert catalog.uploads.expired(clock()) == []
    catalog.uploads.complete_file(claim, location("main"), 1, 1, None, None, None)
