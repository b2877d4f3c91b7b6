"""Who begins something that counts is admitted one at a time, and what was granted goes with what it was for."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from glimpse.catalog import Catalog, Database
from glimpse.catalog.admission import Admission, take_turn
from glimpse.catalog.ledger import Ledger
from glimpse.catalog.records import NewImage
from glimpse.errors import TooLarge
from tests.unit.catalog.scenes import LEASE, active_image, location, new_import, staged_file

MANY = 16


def admission(most: int, count: Callable[[Ledger], int], more: int = 1, owner: str | None = "p") -> Admission:
    """Grants ``more`` as long as there are no more than ``most``."""

    def judge(ledger: Ledger) -> int:
        if count(ledger) + more > most:
            raise TooLarge("full")
        return more

    return Admission(owner, judge)


def new(owner: str | None = "p") -> NewImage:
    return NewImage(owner=owner, disk_format="raw", container_format="bare")


def counted(catalog: Catalog, count: Callable[[Ledger], int], owner: str | None = "p") -> int:
    with catalog.db.read() as conn:
        return count(Ledger(conn, owner))


def outcomes(work: Callable[[int], object]) -> int:
    """How many of many calls at the same moment are admitted."""
    barrier = threading.Barrier(MANY)

    def one(number: int) -> bool:
        barrier.wait()
        try:
            work(number)
        except TooLarge:
            return False
        return True

    with ThreadPoolExecutor(MANY) as pool:
        return sum(pool.map(one, range(MANY)))


@pytest.mark.parametrize("owner", ["p", None])
def test_images_made_at_once_are_no_more_than_fit(catalog: Catalog, owner: str | None) -> None:
    five = admission(5, Ledger.images, owner=owner)
    assert outcomes(lambda number: catalog.images.create(new(owner), five)) == 5
    assert counted(catalog, Ledger.images, owner) == 5


def test_uploads_begun_at_once_are_granted_no_more_than_there_is(catalog: Catalog) -> None:
    images = [catalog.images.create(new()) for _ in range(MANY)]
    room = admission(100, Ledger.stored, 30)
    begun = outcomes(
        lambda n: catalog.images.begin_upload(images[n].id, "file", "main", "api-1", LEASE, room)
    )
    assert begun == 3
    assert counted(catalog, Ledger.stored) == 90
    assert counted(catalog, Ledger.uploading) == 3


def test_imports_begun_at_once_are_no_more_than_fit(catalog: Catalog) -> None:
    images = [catalog.images.create(new()) for _ in range(MANY)]
    two = admission(2, Ledger.uploading)
    assert outcomes(lambda n: catalog.imports.begin(new_import(images[n].id), ("queued",), two)) == 2


def test_owners_do_not_wait_for_each_other(catalog: Catalog, db: Database) -> None:
    """But on SQLite, where everybody waits for everybody who writes."""
    if db.is_sqlite:
        return
    catalog.images.create(new(), admission(5, Ledger.images))
    with db.write() as conn:
        take_turn(conn, admission(5, Ledger.images))
        with ThreadPoolExecutor(1) as pool:
            same = pool.submit(catalog.images.create, new(), admission(5, Ledger.images))
            catalog.images.create(new("q"), admission(5, Ledger.images, owner="q"))
            assert not same.done()
            conn.rollback()
            assert same.result(10).owner == "p"


def test_what_an_upload_was_granted_goes_with_it(catalog: Catalog) -> None:
    image = catalog.images.create(new())
    granted = Admission("p", lambda ledger: 30)
    claim = catalog.images.begin_upload(image.id, "file", "main", "api-1", LEASE, granted)
    assert counted(catalog, Ledger.stored) == 30
    catalog.uploads.fail(claim)
    assert counted(catalog, Ledger.stored) == 0
    claim = catalog.images.begin_upload(image.id, "file", "main", "api-1", LEASE, granted)
    catalog.uploads.complete_file(claim, location("main"), 30, None, None, None, None)
    assert counted(catalog, Ledger.stored) == 30
    other = catalog.images.create(new())
    catalog.images.begin_upload(other.id, "file", "main", "api-1", LEASE, granted)
    assert counted(catalog, Ledger.stored) == 60
    for gone in (image, other):
        catalog.images.delete(gone.id)
    assert counted(catalog, Ledger.stored) == 0


def test_staging_counts_while_it_comes_and_when_it_is_there(catalog: Catalog) -> None:
    image = catalog.images.create(new())
    claim = catalog.images.begin_upload(
        image.id, "stage", None, "api-1", LEASE, Admission("p", lambda ledger: 4096)
    )
    assert counted(catalog, Ledger.staged) == 4096
    assert counted(catalog, Ledger.stored) == 0
    catalog.uploads.complete_stage(claim, staged_file(image.id))
    assert counted(catalog, Ledger.staged) == 4096


def test_an_upload_that_ends_too_large_changes_nothing(catalog: Catalog) -> None:
    first, second = catalog.images.create(new()), catalog.images.create(new())
    claim = catalog.images.begin_upload(first.id, "file", "main", "api-1", LEASE)
    with pytest.raises(TooLarge):
        catalog.uploads.complete_file(
            claim, location("main"), 11, None, None, None, None, admission(10, Ledger.stored, 11)
        )
    assert catalog.images.get(first.id).status == "saving"
    claim = catalog.images.begin_upload(second.id, "stage", None, "api-1", LEASE)
    with pytest.raises(TooLarge):
        catalog.uploads.complete_stage(claim, staged_file(second.id), admission(10, Ledger.staged, 4096))
    assert catalog.images.get(second.id).size is None


def test_an_import_counts_with_what_it_was_granted(catalog: Catalog) -> None:
    image = catalog.images.create(new())
    begun = catalog.imports.begin(new_import(image.id, "main", "mirror"), ("queued",))
    run = catalog.imports.claim(begun.id, "conductor-1", LEASE)
    catalog.imports.reserve(run.id, run.claim, Admission("p", lambda ledger: 20))
    assert counted(catalog, Ledger.stored) == 20
    assert catalog.usages.stored("p", run.id) == 0
    for store in ("main", "mirror"):
        catalog.imports.commit_target(run.id, run.claim, store, location(store))
        assert counted(catalog, Ledger.stored) == 20
    catalog.imports.succeed(run.id, run.claim, attributes={"size": 10})
    assert counted(catalog, Ledger.stored) == 20
    catalog.images.delete(image.id)
    assert counted(catalog, Ledger.stored) == 0


def test_a_copy_counts_once_while_it_runs(catalog: Catalog) -> None:
    image_id = active_image(catalog)
    assert counted(catalog, Ledger.stored, None) == 10
    begun = catalog.imports.begin(new_import(image_id, "mirror", method="copy-image"), ("active",))
    run = catalog.imports.claim(begun.id, "conductor-1", LEASE)
    catalog.imports.reserve(run.id, run.claim, Admission(None, lambda ledger: 10))
    catalog.imports.commit_target(run.id, run.claim, "mirror", location("mirror"))
    assert counted(catalog, Ledger.stored, None) == 20
    catalog.imports.succeed(run.id, run.claim, attributes={})
    assert counted(catalog, Ledger.stored, None) == 20
