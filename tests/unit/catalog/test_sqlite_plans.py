"""How SQLite, which keeps no statistics unless asked, finds the images of a listing: also while they are few."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from glimpse.catalog import Catalog, Database
from glimpse.catalog.order import SORT_KEYS
from glimpse.catalog.records import ImageQuery, Viewer
from tests.plans import plans


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    db = Database(f"sqlite:///{tmp_path / 'glimpse.db'}")
    db.upgrade()
    yield db
    db.close()


def plan_of(db: Database, work: Callable[[], object]) -> str:
    """How SQLite finds the page (not the details of its images)."""
    with plans(db) as found:
        work()
    [page] = [plan for plan in found if "LEFT OUTER JOIN imports" in plan.statement]
    return page.text


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
