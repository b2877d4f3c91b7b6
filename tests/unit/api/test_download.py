"""Reading an image from what location works."""

from pathlib import Path

import pytest

from glimpse.api.download import Source, preferred
from glimpse.catalog.records import Location
from glimpse.errors import Unavailable
from glimpse.stores.file import FileStore
from glimpse.stores.registry import Stores
from glimpse.transfer.extent import Extent
from tests.unit.api.records import ID

DATA = bytes(range(256)) * 1000


@pytest.fixture
def stores(tmp_path: Path) -> Stores:
    """Two stores on disk."""
    made = [FileStore(name, {"filesystem_store_datadir": str(tmp_path / name)}) for name in ("a", "b")]
    for store in made:
        store.check()
    return Stores(made, "a")


def put(stores: Stores, store: str, data: bytes = DATA) -> Location:
    writer = stores.get(store).writer(ID, 1, len(data))
    writer.write(Extent(0, len(data), data))
    return Location(1, writer.commit(), store, {})


def test_the_first_location_is_read(stores: Stores) -> None:
    source = Source(stores, ID, len(DATA), [put(stores, "a")])
    source.open()
    assert bytes(source.read(256, 512)) == DATA[256:768]
    source.close()


def test_a_location_that_fails_in_the_middle_is_left_for_the_next(stores: Stores) -> None:
    first, second = put(stores, "a"), put(stores, "b")
    source = Source(stores, ID, len(DATA), [first, second])
    source.open()
    assert bytes(source.read(0, 100)) == DATA[:100]
    Path(first.url.removeprefix("file://")).write_bytes(b"")
    assert bytes(source.read(100, 100)) == DATA[100:200]
    Path(second.url.removeprefix("file://")).write_bytes(b"")
    with pytest.raises(Unavailable):
        source.read(200, 100)
    source.close()


def test_locations_that_cannot_be_the_image_are_passed_over(stores: Stores) -> None:
    foreign = Location(1, "https://elsewhere/x", None, {})
    unknown = Location(2, "file:///x", "gone", {})
    other = put(stores, "a", DATA[:-1])
    source = Source(stores, ID, len(DATA), [foreign, unknown, other, put(stores, "b")])
    source.open()
    assert bytes(source.read(0, len(DATA))) == DATA
    source.close()
    with pytest.raises(Unavailable):
        Source(stores, ID, len(DATA), [foreign, unknown, other]).open()


def test_preferred_stores_come_first_in_their_order_and_the_others_keep_theirs() -> None:
    places = [Location(number, "x", store, {}) for number, store in enumerate(["a", "b", "c", None])]
    assert [place.store for place in preferred(places, ["c", "b"])] == ["c", "b", "a", None]
    assert preferred(places, []) == places
