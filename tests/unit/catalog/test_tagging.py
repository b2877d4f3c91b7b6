"""Tags, one by one."""

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from glimpse.catalog import Catalog
from glimpse.catalog.records import Image
from glimpse.errors import NotFound, TooLarge
from tests.unit.catalog.clock import Clock


def any_number(tags: Collection[str]) -> None:
    return


def at_most_two(tags: Collection[str]) -> None:
    if len(tags) > 2:
        raise TooLarge("too many")


def test_tags_come_and_go_one_by_one(catalog: Catalog, image: Image, clock: Clock) -> None:
    clock.pass_seconds(5)
    catalog.tags.add(image.id, "b", any_number)
    catalog.tags.add(image.id, "a", any_number)
    catalog.tags.add(image.id, "b", any_number)
    tagged = catalog.images.get(image.id)
    assert tagged.tags == ("a", "b")
    assert tagged.updated_at > image.updated_at + timedelta(seconds=5)
    catalog.tags.remove(image.id, "a")
    assert catalog.images.get(image.id).tags == ("b",)
    with pytest.raises(NotFound):
        catalog.tags.remove(image.id, "a")


def test_tags_differ_by_every_character(catalog: Catalog, image: Image) -> None:
    tags = {"a", "A", "ä", "á", "a ", " a", "🐧", "🐧 "}
    for tag in tags:
        catalog.tags.add(image.id, tag, any_number)
    assert set(catalog.images.get(image.id).tags) == tags
    catalog.tags.remove(image.id, "a ")
    assert set(catalog.images.get(image.id).tags) == tags - {"a "}


def test_a_tag_too_many_is_refused_but_one_that_is_there_is_not(catalog: Catalog, image: Image) -> None:
    for tag in ("a", "b", "a"):
        catalog.tags.add(image.id, tag, at_most_two)
    with pytest.raises(TooLarge):
        catalog.tags.add(image.id, "c", at_most_two)
    assert catalog.images.get(image.id).tags == ("a", "b")


def test_what_is_deleted_has_no_tags(catalog: Catalog, image: Image) -> None:
    catalog.images.delete(image.id)
    with pytest.raises(NotFound):
        catalog.tags.add(image.id, "a", any_number)
    with pytest.raises(NotFound):
        catalog.tags.remove(image.id, "a")


def test_of_many_who_tag_at_once_nobody_loses_and_nobody_exceeds(catalog: Catalog, image: Image) -> None:
    def tag(name: str) -> bool:
        try:
            catalog.tags.add(image.id, name, at_most_two)
        except TooLarge:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(tag, "abcdef"))
    assert done.count(True) == 2
    assert len(catalog.images.get(image.id).tags) == 2
