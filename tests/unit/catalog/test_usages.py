"""What counts against limits."""

from sqlalchemy import update

from glimpse.catalog import Catalog, Database
from glimpse.catalog.records import IMPORTING, Image, NewImage, NewLocation, Usage
from glimpse.catalog.tables import images
from tests.plans import plans
from tests.unit.catalog.scenes import LEASE, location, new_import


def stored(catalog: Catalog, owner: str | None, size: int, *stores: str) -> Image:
    """An active image of this size."""
    new = NewImage(owner=owner, disk_format="raw", container_format="bare")
    image = catalog.images.create(new)
    for store in stores:
        catalog.locations.add(image.id, NewLocation(f"file:///{store}/{image.id}", store))
    return set_to(catalog, image, size=size)


def set_to(catalog: Catalog, image: Image, **values: object) -> Image:
    with catalog.db.write() as conn:
        conn.execute(update(images).where(images.c.id == image.id).values(values))
    return catalog.images.get(image.id)


def test_who_has_nothing_uses_nothing(catalog: Catalog) -> None:
    stored(catalog, "somebody", 7, "main")
    assert catalog.usages.of("p") == Usage(0, 0, 0, 0)


def test_bytes_count_in_each_place(catalog: Catalog) -> None:
    stored(catalog, "p", 3, "main")
    stored(catalog, "p", 2**40, "main", "mirror")
    stored(catalog, None, 100, "main")
    assert catalog.usages.of("p") == Usage(3 + 2 * 2**40, 0, 2, 0)
    assert catalog.usages.of(None) == Usage(100, 0, 1, 0)


def test_each_state_counts_where_it_belongs(catalog: Catalog) -> None:
    for status in ("queued", "saving", "uploading", "importing", "deactivated", "killed", "pending_delete"):
        set_to(catalog, stored(catalog, "p", 10, "main"), status=status)
    catalog.images.delete(stored(catalog, "p", 10, "main").id)
    assert catalog.usages.of("p") == Usage(50, 20, 5, 3)


def test_a_copy_counts_as_an_upload_until_it_ends(catalog: Catalog) -> None:
    image = stored(catalog, "p", 10, "main")
    begun = catalog.imports.begin(new_import(image.id, "mirror", method="copy-image"), {"active"})
    assert catalog.images.get(image.id).properties[IMPORTING] == "mirror"
    assert catalog.usages.of("p") == Usage(10, 10, 1, 1)
    copy = catalog.imports.claim(begun.id, "conductor-1", LEASE)
    catalog.imports.commit_target(copy.id, copy.claim, "mirror", location("mirror"))
    catalog.imports.succeed(copy.id, copy.claim, attributes={})
    assert catalog.usages.of("p") == Usage(20, 0, 1, 0)


def test_it_takes_two_statements_whatever_there_is(catalog: Catalog, db: Database) -> None:
    for _ in range(30):
        stored(catalog, "p", 10, "main")
    with plans(db) as found:
        catalog.usages.of("p")
    assert len(found) == 2
