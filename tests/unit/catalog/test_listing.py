"""Listings against a plain model in Python; what they cost is in test_page.py."""

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glimpse.catalog import Catalog, Database
from glimpse.catalog.records import Comparison, Image, ImageQuery, NewImage, Viewer
from glimpse.errors import Invalid
from tests.plans import plans
from tests.servers.databases import Databases
from tests.unit.catalog import listing_model as model
from tests.unit.catalog.scenes import active_image


# With 0, nothing is few: every filter goes the way that is meant for very many.
@pytest.mark.parametrize("few", [1000, 2, 0])
@given(
    plan=st.lists(model.ANY_IMAGE, max_size=12),
    queries=st.lists(st.tuples(model.QUERY, model.VIEWER), min_size=1, max_size=12),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_paging_gives_each_wanted_image_once_in_order(
    backend: Databases, few: int, plan: list[dict[str, Any]], queries: list[tuple[ImageQuery, Viewer | None]]
) -> None:
    with pytest.MonkeyPatch.context() as patch, closing(Database(backend.fresh())) as db:
        patch.setattr("glimpse.catalog.few.FEW", few)
        clock = model.FrozenClock()
        catalog = Catalog(db, clock=clock)
        everything, members = model.fill(catalog, clock, plan)
        for query, viewer in queries:
            found = model.pages(catalog, query, viewer)
            assert found == model.listed(everything, members, query, viewer), (query, viewer)


def test_the_newest_come_first(catalog: Catalog) -> None:
    made = [catalog.images.create(NewImage()).id for _ in range(4)]
    assert [image.id for image in catalog.images.list(ImageQuery()).images] == made[::-1]


def test_listed_images_are_whole(catalog: Catalog) -> None:
    image_id = active_image(catalog)
    catalog.images.update(image_id, properties={"p": "1"}, tags=["t"])
    assert catalog.images.list(ImageQuery()).images == (catalog.images.get(image_id),)


def test_more_is_true_exactly_where_another_image_follows(catalog: Catalog) -> None:
    for _ in range(3):
        catalog.images.create(NewImage())
    assert [catalog.images.list(ImageQuery(limit=limit)).more for limit in (2, 3, 4)] == [True, False, False]
    assert catalog.images.list(ImageQuery(limit=0)).images == ()


@pytest.mark.parametrize(
    "query",
    [
        ImageQuery(sort=(("owner", "asc"),)),
        ImageQuery(sort=(("name", "up"),)),
        ImageQuery(marker="11111111-2222-3333-4444-555555555555"),
        ImageQuery(marker="11111111-2222-3333-4444-555555555555", limit=0),
        ImageQuery(comparisons=(Comparison("claim", "eq", (1,)),)),
        ImageQuery(comparisons=(Comparison("name", "like", ("a",)),)),  # type: ignore[arg-type]
        ImageQuery(comparisons=(Comparison("size", "gte", (1, 2)),)),
    ],
)
def test_bad_queries_are_explained(catalog: Catalog, query: ImageQuery) -> None:
    with pytest.raises(Invalid):
        catalog.images.list(query)


def test_a_marker_that_the_viewer_may_not_see_is_refused(catalog: Catalog) -> None:
    hidden = catalog.images.create(NewImage(owner="p", visibility="private"))
    with pytest.raises(Invalid):
        catalog.images.list(ImageQuery(marker=hidden.id), Viewer("q"))


def test_paging_goes_on_after_its_marker_was_deleted(catalog: Catalog) -> None:
    made = [catalog.images.create(NewImage()).id for _ in range(4)][::-1]
    catalog.images.delete(made[1])
    rest = catalog.images.list(ImageQuery(marker=made[1])).images
    assert [image.id for image in rest] == made[2:]


def test_a_property_is_found_whatever_its_length_and_case_counts(catalog: Catalog) -> None:
    long = "x" * 60_000
    image = catalog.images.create(NewImage(properties={"p": long, "q": "Value"}))
    catalog.images.create(NewImage(properties={"p": long + "y", "q": "value"}))
    for filters in ({"p": long}, {"q": "Value"}):
        assert [i.id for i in catalog.images.list(ImageQuery(filters=filters)).images] == [image.id]


def test_an_injected_filter_is_only_a_value(catalog: Catalog, image: Image) -> None:
    nasty = "' OR 1=1 --"
    assert catalog.images.list(ImageQuery(filters={nasty: nasty, "name": nasty}, tags=(nasty,))).images == ()


def count(db: Database, work: Callable[[], object]) -> int:
    """How many statements are run."""
    with plans(db) as found:
        work()
    return len(found)


def test_the_number_of_statements_does_not_grow(catalog: Catalog, db: Database) -> None:
    new = NewImage(owner="p", properties={"p": "1"}, tags=("t",))
    marker = [catalog.images.create(new) for _ in range(30)][-1].id
    # PostgreSQL gathers what belongs to an image in the same statement.
    images = 1 if db.dialect == "postgresql" else 2
    assert count(db, lambda: catalog.images.get(marker)) == images
    assert count(db, lambda: catalog.images.list(ImageQuery(limit=25))) == images
    assert count(db, lambda: catalog.images.list(ImageQuery(limit=25, marker=marker))) == images + 1
    assert count(db, lambda: catalog.images.list(ImageQuery(limit=25), Viewer("p"))) == images + 1
    asked = ImageQuery(
        filters={"p": "1", "status": "queued"},
        comparisons=(Comparison("size", "lte", (5,)), Comparison("name", "in", ("a", "b"))),
        tags=("t",),
        sort=(("name", "asc"), ("size", "desc")),
        marker=marker,
    )
    assert count(db, lambda: catalog.images.list(asked, Viewer("p"))) <= 6
