"""Locations as users change them."""

from collections.abc import Callable

import pytest

from glimpse.catalog import Catalog
from glimpse.catalog.changes import Change
from glimpse.catalog.image_locations import LocationChange
from glimpse.catalog.records import DataFacts, Image, Location, NewImage, NewLocation
from glimpse.errors import Conflict, Forbidden, Invalid, NotFound, TooLarge
from tests.unit.catalog.scenes import LEASE, active_image, location, new_import

NOWHERE = "11111111-2222-3333-4444-555555555555"


def at(name: str, store: str | None = None, **metadata: object) -> NewLocation:
    return NewLocation(f"http://web/{name}", store, metadata)


def names(image: Image) -> list[str]:
    return [where.url.rpartition("/")[2] for where in image.locations]


def adding(where: NewLocation, position: int | None = None, data: DataFacts | None = None) -> LocationChange:
    return LocationChange("add", (where,), position, data or DataFacts())


def replacing(*where: NewLocation, data: DataFacts | None = None) -> LocationChange:
    return LocationChange("replace", where, data=data or DataFacts())


def removing(position: int) -> LocationChange:
    return LocationChange("remove", position=position)


def change(catalog: Catalog, image_id: str, *wanted: LocationChange) -> Image:
    return catalog.locations.change(image_id, wanted)[0]


def removed(catalog: Catalog, image_id: str, position: int) -> Location:
    (gone,) = catalog.locations.change(image_id, [removing(position)])[1]
    return gone


@pytest.fixture
def active(catalog: Catalog, image: Image) -> str:
    """An active image with locations a, b and c."""
    for name in "abc":
        catalog.locations.add(image.id, at(name, f"store-{name}"))
    return image.id


def test_a_location_gives_a_queued_image_its_data(catalog: Catalog, image: Image) -> None:
    facts = DataFacts(10, 20, "c" * 32, "sha512", "d" * 128)
    changed = change(catalog, image.id, adding(at("a", None, weight=1), data=facts))
    assert changed.status == "active"
    assert (changed.size, changed.virtual_size, changed.checksum) == (10, 20, "c" * 32)
    assert (changed.os_hash_algo, changed.os_hash_value) == ("sha512", "d" * 128)
    assert [(each.url, each.store, each.metadata) for each in changed.locations] == [
        ("http://web/a", None, {"weight": 1})
    ]
    assert changed.claim > image.claim
    assert catalog.images.get(image.id) == changed


def test_data_of_unknown_format_makes_no_image(catalog: Catalog) -> None:
    image = catalog.images.create(NewImage(disk_format="raw"))
    with pytest.raises(Invalid):
        catalog.locations.add(image.id, at("a"))
    assert catalog.images.get(image.id) == image


@pytest.mark.parametrize(("position", "order"), [(None, "abcx"), (3, "abcx"), (0, "xabc"), (2, "abxc")])
def test_a_location_is_put_where_it_is_wanted(
    catalog: Catalog, active: str, position: int | None, order: str
) -> None:
    before = {each.url: (each.store, each.metadata) for each in catalog.images.get(active).locations}
    changed = catalog.locations.add(active, at("x", "store-x"), position=position)
    assert names(changed) == list(order)
    kept = {each.url: (each.store, each.metadata) for each in changed.locations}
    assert kept == before | {"http://web/x": ("store-x", {})}


@pytest.mark.parametrize("position", [-1, 4])
def test_a_position_must_exist(catalog: Catalog, active: str, position: int) -> None:
    with pytest.raises(Invalid):
        catalog.locations.add(active, at("x"), position=position)
    with pytest.raises(Invalid):
        change(catalog, active, removing(position))
    assert names(catalog.images.get(active)) == list("abc")


def test_an_address_is_there_once(catalog: Catalog, active: str, image: Image) -> None:
    with pytest.raises(Invalid):
        catalog.locations.add(active, at("b"))
    other = catalog.images.create(NewImage(disk_format="raw", container_format="bare"))
    with pytest.raises(Invalid):
        change(catalog, other.id, replacing(at("a"), at("a")))
    assert catalog.images.get(other.id).status == "queued"


def test_what_is_known_about_data_can_be_repeated_and_not_changed(catalog: Catalog, image: Image) -> None:
    with pytest.raises(Conflict, match="queued"):
        change(catalog, image.id, adding(at("a")), adding(at("b"), data=DataFacts(checksum="c" * 32)))
    known = DataFacts(10, None, "c" * 32, "sha512", "d" * 128)
    change(catalog, image.id, adding(at("a"), data=known))
    change(catalog, image.id, adding(at("b"), data=known))
    with pytest.raises(Conflict, match="checksum"):
        change(catalog, image.id, adding(at("c"), data=DataFacts(checksum="e" * 32)))
    with pytest.raises(Invalid, match="11 bytes"):
        change(catalog, image.id, adding(at("c"), data=DataFacts(size=11)))
    assert names(catalog.images.get(image.id)) == ["a", "b"]


def test_changes_are_made_in_their_order(catalog: Catalog, image: Image) -> None:
    changed, gone = catalog.locations.change(
        image.id, [adding(at("a")), adding(at("b"), 0), adding(at("c")), removing(1), adding(at("d"), 1)]
    )
    assert (changed.status, names(changed)) == ("active", ["b", "d", "c"])
    assert [each.url for each in gone] == ["http://web/a"]


def test_what_is_removed_and_given_again_is_not_gone(catalog: Catalog, active: str) -> None:
    changed, gone = catalog.locations.change(active, [removing(0), adding(at("a", "store-a"))])
    assert (names(changed), gone) == (["b", "c", "a"], ())


def test_all_changes_are_made_or_none(catalog: Catalog, active: str) -> None:
    before = catalog.images.get(active)
    more = Change({"name": "new"}, {"a": "b"}, (), ["tag"])
    for wrong, error in ((removing(5), Invalid), (adding(at("b")), Invalid), (replacing(at("x")), Invalid)):
        with pytest.raises(error):
            catalog.locations.change(active, [removing(0), adding(at("x")), wrong], image=more)
    with pytest.raises(Forbidden):
        catalog.locations.change(active, [removing(0)], image=Change({"size": 5}))
    with pytest.raises(Forbidden):
        catalog.locations.change(active, [removing(0)], image=Change({"disk_format": "qcow2"}))
    assert catalog.images.get(active) == before
    changed, gone = catalog.locations.change(active, [removing(0)], image=more)
    assert (changed.name, changed.properties["a"], changed.tags) == ("new", "b", ("tag",))
    assert (names(changed), len(gone)) == (["b", "c"], 1)


def test_formats_may_come_with_the_location_that_needs_them(catalog: Catalog) -> None:
    image = catalog.images.create(NewImage())
    formats = Change({"disk_format": "raw", "container_format": "bare"})
    changed, _ = catalog.locations.change(image.id, [adding(at("a"))], image=formats)
    assert (changed.status, changed.disk_format) == ("active", "raw")


def test_all_locations_are_given_at_once_to_an_image_without(catalog: Catalog, image: Image) -> None:
    changed = change(catalog, image.id, replacing(at("b"), at("a"), data=DataFacts(5)))
    assert (changed.status, changed.size, names(changed)) == ("active", 5, ["b", "a"])


def test_order_and_metadata_are_replaced_and_addresses_are_not(catalog: Catalog, active: str) -> None:
    changed = change(catalog, active, replacing(at("c"), at("a", None, fast=True), at("b")))
    assert [(each.url[-1], each.store, each.metadata) for each in changed.locations] == [
        ("c", "store-c", {}),
        ("a", "store-a", {"fast": True}),
        ("b", "store-b", {}),
    ]
    for others in ([at("x")], [at("a"), at("b")], [at("a"), at("b"), at("c"), at("x")]):
        with pytest.raises(Invalid):
            change(catalog, active, replacing(*others))
    with pytest.raises(Forbidden):
        change(catalog, active, replacing())
    assert catalog.images.get(active).locations == changed.locations


def test_the_last_location_stays(catalog: Catalog, active: str) -> None:
    assert removed(catalog, active, 1).url == "http://web/b"
    assert catalog.locations.remove_from_store(active, "store-a").url == "http://web/a"
    calls: list[Callable[[], object]] = [
        lambda: removed(catalog, active, 0),
        lambda: catalog.locations.remove_from_store(active, "store-c"),
        lambda: catalog.locations.remove_from_store(active, "store-x"),
    ]
    for call in calls:
        with pytest.raises(Forbidden):
            call()
    assert names(catalog.images.get(active)) == ["c"]


def test_a_store_must_have_the_image_to_lose_it(catalog: Catalog, active: str) -> None:
    with pytest.raises(NotFound):
        catalog.locations.remove_from_store(active, "store-x")


def test_locations_are_changed_only_where_the_status_allows(catalog: Catalog, image: Image) -> None:
    calls: list[Callable[[], object]] = [
        lambda: catalog.locations.add(image.id, at("x")),
        lambda: change(catalog, image.id, replacing(at("x"))),
        lambda: removed(catalog, image.id, 0),
        lambda: catalog.locations.remove_from_store(image.id, "main"),
    ]
    for call in calls[2:]:
        with pytest.raises(Conflict):
            call()
    catalog.images.begin_upload(image.id, "file", "main", "api-1", LEASE)
    for call in calls:
        with pytest.raises(Conflict):
            call()


def test_an_image_that_is_not_there_has_no_locations(catalog: Catalog) -> None:
    calls: list[Callable[[], object]] = [
        lambda: catalog.locations.add(NOWHERE, at("x")),
        lambda: change(catalog, NOWHERE, replacing(at("x"))),
        lambda: removed(catalog, NOWHERE, 0),
        lambda: catalog.locations.remove_from_store(NOWHERE, "main"),
    ]
    for call in calls:
        with pytest.raises(NotFound):
            call()


def test_a_limit_counts_all_locations(catalog: Catalog, active: str) -> None:
    def at_most_three(count: int) -> None:
        if count > 3:
            raise TooLarge("too many")

    with pytest.raises(TooLarge):
        catalog.locations.add(active, at("x"), check=at_most_three)
    removed(catalog, active, 0)
    assert len(catalog.locations.add(active, at("x"), check=at_most_three).locations) == 3


def test_a_failed_copy_takes_back_its_own_location_wherever_that_was_moved(catalog: Catalog) -> None:
    image_id = active_image(catalog)
    begun = catalog.imports.begin(new_import(image_id, "second", method="copy-image"), {"active"})
    copy = catalog.imports.claim(begun.id, "conductor-1", LEASE)
    catalog.imports.commit_target(copy.id, copy.claim, "second", location("second"))
    catalog.locations.add(image_id, at("x"), position=0)
    gone = catalog.imports.fail(copy.id, copy.claim, error={}, message="no")
    assert [each.store for each in gone] == ["second"]
    assert [each.store for each in catalog.images.get(image_id).locations] == [None, "main"]
