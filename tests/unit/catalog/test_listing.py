"""Listings against a plain model in Python."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, insert, update

from glimpse.catalog import Catalog, Database
from glimpse.catalog.listing import SORT_KEYS, full_order
from glimpse.catalog.records import Image, ImageQuery, NewImage, Viewer
from glimpse.catalog.tables import image_members, images
from glimpse.errors import Invalid
from tests.unit.catalog.clock import Clock
from tests.unit.catalog.scenes import active_image

NAMES = ["", "a", "A", "b", "é", "🐧", None]
FORMATS = ["raw", "qcow2", None]
ANY_IMAGE = st.fixed_dictionaries(
    {
        "name": st.sampled_from(NAMES),
        "visibility": st.sampled_from(["public", "private", "shared", "community"]),
        "owner": st.sampled_from(["p", "q", None]),
        "os_hidden": st.booleans(),
        "disk_format": st.sampled_from(FORMATS),
        "container_format": st.sampled_from(["bare", None]),
        "properties": st.dictionaries(st.sampled_from(["x", "y"]), st.sampled_from(["1", "2", "", None])),
        "tags": st.sets(st.sampled_from(["s", "t"])).map(tuple),
        "size": st.sampled_from([None, 0, 5, 2**40]),
        "again": st.booleans(),
        "member": st.sampled_from([None, "pending", "accepted"]),
    }
)
SORT = st.lists(
    st.tuples(st.sampled_from(sorted(SORT_KEYS)), st.sampled_from(["asc", "desc"])),
    max_size=3,
    unique_by=lambda pair: pair[0],
).map(tuple)
FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(NAMES[:-1]),
        "owner": st.sampled_from(["p", "q"]),
        "status": st.sampled_from(["queued", "active"]),
        "disk_format": st.sampled_from(FORMATS[:-1]),
        "x": st.sampled_from(["1", "2", ""]),
        "y": st.sampled_from(["1", "never"]),
    },
)
QUERY = st.builds(
    ImageQuery,
    limit=st.integers(1, 5),
    sort=SORT,
    filters=FILTERS,
    tags=st.sets(st.sampled_from(["s", "t"])).map(tuple),
    visibility=st.sampled_from([None, "all", "public", "private", "shared", "community"]),
    os_hidden=st.sampled_from([False, True, None]),
    member_status=st.sampled_from(["accepted", "pending", "all"]),
)
VIEWER = st.sampled_from([None, Viewer("p"), Viewer("q"), Viewer(None), Viewer("p", is_admin=True)])


def rank(value: object) -> tuple[bool, Any]:
    """NULL before everything."""
    return (value is not None, value)


def model(
    everything: list[Image], members: dict[str, str], query: ImageQuery, viewer: Viewer | None
) -> list[str]:
    """What a listing without paging must give. ``members``: project q's membership by image."""

    def visible(image: Image) -> bool:
        own = viewer is not None and viewer.project is not None and image.owner == viewer.project
        if query.visibility not in (None, "all", image.visibility):
            return False
        if image.visibility == "community":
            return own or query.visibility is not None or viewer is None
        if viewer is None or viewer.is_admin or own or image.visibility == "public":
            return True
        shared = members.get(image.id) if viewer.project == "q" and image.visibility == "shared" else None
        return shared is not None and query.member_status in ("all", shared)

    def wanted(image: Image) -> bool:
        def value(key: str) -> object:
            return getattr(image, key) if hasattr(image, key) else image.properties.get(key)

        return (
            visible(image)
            and query.os_hidden in (None, image.os_hidden)
            and all(value(key) == given for key, given in query.filters.items())
            and set(query.tags) <= set(image.tags)
        )

    found = [image for image in everything if wanted(image)]
    for key, direction in reversed(full_order(query.sort)):

        def by_key(image: Image, key: str = key) -> tuple[bool, Any]:
            return rank(getattr(image, key))

        found.sort(key=by_key, reverse=direction == "desc")
    return [image.id for image in found]


def pages(catalog: Catalog, query: ImageQuery, viewer: Viewer | None) -> list[str]:
    """Every image of a listing, page after page."""
    ids: list[str] = []
    while True:
        page = catalog.images.list(query, viewer)
        ids += [image.id for image in page.images]
        if not page.more:
            return ids
        assert len(page.images) == query.limit
        query = replace(query, marker=ids[-1])


class FrozenClock(Clock):
    """Stands still altogether when told to, so that times tie."""

    frozen = False

    def __call__(self) -> Any:
        return self._time if self.frozen else super().__call__()


def fill(
    catalog: Catalog, clock: FrozenClock, plan: list[dict[str, Any]]
) -> tuple[list[Image], dict[str, str]]:
    """Make the images of a plan; also, which of them project q is a member of."""
    everything, members = [], {}
    for values in plan:
        values = dict(values)
        size, clock.frozen, member = (values.pop(key) for key in ("size", "again", "member"))
        image = catalog.images.create(NewImage(**values))
        everything.append(replace(image, size=size))
        with catalog.db.write() as conn:
            conn.execute(update(images).where(images.c.id == image.id).values(size=size))
            if member:
                members[image.id] = member
                row = {"image_id": image.id, "member": "q", "status": member}
                times = {"created_at": image.created_at, "updated_at": image.created_at}
                conn.execute(insert(image_members).values(**row, **times))
    return everything, members


# With 0, nothing is few: every filter goes the way that is meant for very many.
@pytest.mark.parametrize("few", [1000, 0])
@given(
    plan=st.lists(ANY_IMAGE, max_size=12), queries=st.lists(st.tuples(QUERY, VIEWER), min_size=1, max_size=6)
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_paging_gives_each_wanted_image_once_in_order(
    empty_file: Path, few: int, plan: list[dict[str, Any]], queries: list[tuple[ImageQuery, Viewer | None]]
) -> None:
    with tempfile.TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr("glimpse.catalog.few.FEW", few)
        path = shutil.copy(empty_file, Path(directory) / "g.db")
        db, clock = Database(f"sqlite:///{path}"), FrozenClock()
        catalog = Catalog(db, clock=clock)
        everything, members = fill(catalog, clock, plan)
        for query, viewer in queries:
            assert pages(catalog, query, viewer) == model(everything, members, query, viewer)
        db.close()


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
    long = "x" * 70_000
    image = catalog.images.create(NewImage(properties={"p": long, "q": "Value"}))
    catalog.images.create(NewImage(properties={"p": long + "y", "q": "value"}))
    for filters in ({"p": long}, {"q": "Value"}):
        assert [i.id for i in catalog.images.list(ImageQuery(filters=filters)).images] == [image.id]


def test_an_injected_filter_is_only_a_value(catalog: Catalog, image: Image) -> None:
    nasty = "' OR 1=1 --"
    assert catalog.images.list(ImageQuery(filters={nasty: nasty, "name": nasty}, tags=(nasty,))).images == ()


@contextmanager
def statements(db: Database) -> Iterator[list[tuple[str, Any]]]:
    """The statements, with their parameters, that are run meanwhile."""
    seen: list[tuple[str, Any]] = []

    def note(conn: object, cursor: object, statement: str, parameters: Any, *rest: object) -> None:
        seen.append((statement, parameters))

    event.listen(db._engine, "before_cursor_execute", note)
    yield seen
    event.remove(db._engine, "before_cursor_execute", note)


def count(db: Database, work: Callable[[], object]) -> int:
    with statements(db) as seen:
        work()
    return len(seen)


def test_the_number_of_statements_does_not_grow(catalog: Catalog, db: Database) -> None:
    new = NewImage(owner="p", properties={"p": "1"}, tags=("t",))
    marker = [catalog.images.create(new) for _ in range(30)][-1].id
    assert count(db, lambda: catalog.images.get(marker)) == 2
    assert count(db, lambda: catalog.images.list(ImageQuery(limit=25))) == 2
    assert count(db, lambda: catalog.images.list(ImageQuery(limit=25, marker=marker))) == 3
    assert count(db, lambda: catalog.images.list(ImageQuery(limit=25), Viewer("p"))) == 3
    filtered = ImageQuery(filters={"p": "1"}, tags=("t",))
    assert count(db, lambda: catalog.images.list(filtered)) == 4


def plan_of(db: Database, work: Callable[[], object]) -> str:
    """How SQLite finds the page (not the details of its images)."""
    with statements(db) as seen:
        work()
    [page] = [each for each in seen if "LEFT OUTER JOIN imports" in each[0]]
    with db.read() as conn:
        rows = conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {page[0]}", page[1]).all()
    return " | ".join(row[3] for row in rows)


@pytest.mark.parametrize("key", sorted(SORT_KEYS))
@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_every_sort_walks_an_index(catalog: Catalog, db: Database, key: str, direction: str) -> None:
    query = ImageQuery(sort=((key, direction),))
    steps = plan_of(db, lambda: catalog.images.list(query, Viewer("p", is_admin=True)))
    assert "TEMP B-TREE" not in steps
    assert f"USING INDEX ix_images_by_{key}" in steps


def test_a_user_is_led_past_nobodys_private_images(catalog: Catalog, db: Database) -> None:
    for visibility in (None, "private"):
        query = ImageQuery(visibility=visibility)
        steps = plan_of(db, lambda query=query: catalog.images.list(query, Viewer("p")))  # type: ignore[misc]
        assert "USING INDEX ix_images_by_owner" in steps
        assert "ix_images_by_created_at" not in steps
        assert ("ix_images_by_visibility" in steps) is (visibility is None)


@pytest.mark.parametrize(
    "filters", [{"name": "n"}, {"status": "active"}, {"disk_format": "raw"}, {"owner": "p"}]
)
def test_filters_of_columns_use_their_index(
    catalog: Catalog, db: Database, filters: dict[str, object]
) -> None:
    steps = plan_of(db, lambda: catalog.images.list(ImageQuery(filters=filters)))
    assert f"USING INDEX ix_images_by_{next(iter(filters))}" in steps
    assert "TEMP B-TREE" not in steps
