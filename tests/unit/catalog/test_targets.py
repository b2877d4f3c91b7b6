"""Single stores of an import, and the image's two lists of them."""

import pytest

from glimpse.catalog import Catalog
from glimpse.catalog.records import FAILED, IMPORTING, Image, ImportRecord, Target
from glimpse.errors import Conflict, Invalid
from tests.unit.catalog.scenes import location, running


def lists(catalog: Catalog, record: ImportRecord) -> tuple[str | None, str | None]:
    shown = catalog.images.get(record.image_id).properties
    return shown[IMPORTING], shown[FAILED]


def test_the_lists_follow_the_stores(catalog: Catalog, image: Image) -> None:
    record = running(catalog, image.id, "c", "a", "b")
    of = (record.id, record.claim)
    assert lists(catalog, record) == ("a,b,c", "")
    catalog.imports.start_targets(*of, ["b"])
    assert lists(catalog, record) == ("a,b,c", "")
    catalog.imports.commit_target(*of, "b", location("b"))
    assert lists(catalog, record) == ("a,c", "")
    catalog.imports.fail_target(*of, "c", "disk full")
    assert lists(catalog, record) == ("a", "c")
    catalog.imports.fail_target(*of, "a", "gone")
    assert lists(catalog, record) == ("", "a,c")
    assert catalog.imports.get(record.id).targets == (
        Target("c", "failed", None, "disk full"),
        Target("a", "failed", None, "gone"),
        Target("b", "committed", "file:///b/x", None),
    )


def test_a_commit_records_the_location_once(catalog: Catalog, image: Image) -> None:
    record = running(catalog, image.id, "a")
    of = (record.id, record.claim)
    for _ in range(2):
        catalog.imports.commit_target(*of, "a", location("a"))
    assert [place.url for place in catalog.images.get(image.id).locations] == ["file:///a/x"]
    with pytest.raises(Conflict):
        catalog.imports.commit_target(*of, "a", location("a", "other"))
    with pytest.raises(Conflict):
        catalog.imports.fail_target(*of, "a", "late")
    with pytest.raises(Conflict):
        catalog.imports.start_targets(*of, ["a"])


def test_a_failed_store_may_be_tried_again(catalog: Catalog, image: Image) -> None:
    record = running(catalog, image.id, "a")
    of = (record.id, record.claim)
    catalog.imports.fail_target(*of, "a", "reset")
    catalog.imports.commit_target(*of, "a", location("a"))
    assert lists(catalog, record) == ("", "")


def test_only_stores_that_were_asked_for_count(catalog: Catalog, image: Image) -> None:
    record = running(catalog, image.id, "a")
    with pytest.raises(Invalid):
        catalog.imports.commit_target(record.id, record.claim, "elsewhere", location("elsewhere"))
    assert catalog.images.get(image.id).locations == ()


def test_a_store_named_twice_is_one_target(catalog: Catalog, image: Image) -> None:
    record = running(catalog, image.id, "a", "b", "a")
    assert [target.store for target in record.targets] == ["a", "b"]
    assert lists(catalog, record) == ("a,b", "")
