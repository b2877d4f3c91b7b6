"""What may be changed is judged by what the image has when it is changed."""

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor

import pytest

from glimpse.catalog import Catalog
from glimpse.catalog.changes import Change
from glimpse.catalog.records import NewImage
from glimpse.errors import Forbidden


def test_the_judge_is_told_which_of_the_named_properties_are_there(catalog: Catalog) -> None:
    image = catalog.images.create(NewImage(properties={"a": "1", "b": "2", "c": "3"}))
    told: list[set[str]] = []
    for change in (
        Change(properties={"a": "x", "new": "y"}, remove_properties=["b", "never"]),
        Change(properties={"b": "x"}, remove_properties=["b"]),
        Change(set={"name": "n"}),
    ):
        catalog.images.update(
            image.id,
            set=change.set,
            properties=change.properties,
            remove_properties=change.remove_properties,
            judge=lambda present: told.append(set(present)),
        )
    assert told == [{"a", "b"}, set(), set()]


def test_of_a_change_that_is_refused_nothing_is_made(catalog: Catalog) -> None:
    image = catalog.images.create(NewImage(name="before", properties={"a": "1"}))

    def refuse(present: Collection[str]) -> None:
        raise Forbidden("no")

    with pytest.raises(Forbidden):
        catalog.images.update(
            image.id, set={"name": "after"}, properties={"b": "2"}, remove_properties=["a"], judge=refuse
        )
    assert catalog.images.get(image.id) == image


def test_only_one_of_many_finds_that_a_property_is_not_there(catalog: Catalog) -> None:
    image = catalog.images.create(NewImage())

    def create(number: int) -> bool:
        def judge(present: Collection[str]) -> None:
            if present:
                raise Forbidden("It is there.")

        try:
            catalog.images.update(image.id, properties={"new": str(number)}, judge=judge)
        except Forbidden:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(create, range(6)))
    assert answers.count(True) == 1
    assert catalog.images.get(image.id).properties["new"] == str(answers.index(True))
