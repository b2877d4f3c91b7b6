"""What a listing costs with 100,000 images: every documented filter and order, on every database."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from glimpse.catalog import Catalog, Database
from glimpse.catalog.order import SORT_KEYS
from glimpse.catalog.records import Comparison, ImageQuery, Viewer
from glimpse.catalog.tables import images
from tests.crowd import FIRST, IMAGES, MEMBER, RARE
from tests.plans import Plan, plans

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

USER, ADMIN = Viewer(MEMBER), Viewer(MEMBER, is_admin=True)
MIDDLE = FIRST + timedelta(minutes=IMAGES // 2)
# Looking up 1,000 images by one of their properties, or as many by the next one, and sorting them.
ROWS = 20_000
STATEMENTS = 6


def compare(column: str, operator: str, *values: object) -> Comparison:
    return Comparison(column, operator, values)  # type: ignore[arg-type]


SORTED = {
    f"{key} {way}": ImageQuery(sort=((key, way),)) for key in sorted(SORT_KEYS) for way in ("asc", "desc")
}
EQUAL = {
    f"{name}={value}": ImageQuery(filters={name: value})
    for name, value in (
        ("name", "rare"),
        ("name", "debian"),
        ("status", "active"),
        ("status", "queued"),
        ("disk_format", "vdi"),
        ("container_format", "bare"),
        ("owner", "project-9"),
        ("checksum", "0" * 32),
        ("os_hash_value", "0" * 128),
        ("os_hash_algo", "sha512"),
        ("os_hash_algo", "md5"),
        ("protected", True),
        ("id", RARE),
        ("os_distro", "debian"),
        ("build", "77"),
        ("no-such-property", "x"),
    )
}
RANGES = {
    f"{column} {operator} {value}": ImageQuery(comparisons=(compare(column, operator, value),))
    for column, value in (("size", 1 << 39), ("virtual_size", 1 << 41), ("min_ram", 77), ("min_disk", 77))
    for operator in ("gte", "lte")
}
TIMES = {
    f"created_at {operator}": ImageQuery(comparisons=(compare("created_at", operator, MIDDLE),))
    for operator in ("eq", "neq", "gt", "gte", "lt", "lte")
} | {
    f"updated_at {operator}": ImageQuery(comparisons=(compare("updated_at", operator, MIDDLE),))
    for operator in ("eq", "neq", "gt", "gte")
}
TIMES["created_at outside"] = ImageQuery(
    comparisons=(compare("created_at", "neq", MIDDLE, MIDDLE + timedelta(seconds=1)),)
)
OTHERS = {
    "default": ImageQuery(),
    "one of names": ImageQuery(comparisons=(compare("name", "in", "rare", "debian"),)),
    "one of states": ImageQuery(comparisons=(compare("status", "in", "active", "queued"),)),
    "one of ids": ImageQuery(comparisons=(compare("id", "in", RARE, "x"),)),
    "exact size": ImageQuery(comparisons=(compare("size", "gte", 1 << 39), compare("size", "lte", 1 << 39))),
    "rare tag": ImageQuery(tags=("rare",)),
    "common tag": ImageQuery(tags=("golden",)),
    "both tags": ImageQuery(tags=("golden", "rare")),
    "hidden": ImageQuery(os_hidden=True),
    "filter and sort": ImageQuery(filters={"disk_format": "raw"}, sort=(("name", "asc"),)),
    "rare filter and sort": ImageQuery(filters={"name": "rare"}, sort=(("size", "asc"),)),
    **{
        f"{name} images": ImageQuery(visibility=name)
        for name in ("public", "private", "shared", "community", "all")
    },
    **{f"{name} members": ImageQuery(member_status=name) for name in ("pending", "rejected", "all")},
}
# What one index does not hold: images of the same first key are sorted, and every image that meets one of the
# filters is looked at in vain.
DEAR = {
    "name and size": ImageQuery(sort=(("name", "asc"), ("size", "desc"))),
    "size and name": ImageQuery(sort=(("size", "desc"), ("name", "asc"))),
    "filters that exclude each other": ImageQuery(filters={"status": "queued", "os_hash_algo": "sha512"}),
    "the same by name": ImageQuery(
        filters={"status": "queued", "os_hash_algo": "sha512"}, sort=(("name", "asc"),)
    ),
}
EVERYTHING = SORTED | EQUAL | RANGES | TIMES | OTHERS


def assert_led(found: list[Plan]) -> None:
    assert len(found) <= STATEMENTS
    for plan in found:
        # No import is running: there is nothing in that table.
        assert plan.whole <= {"imports"}, plan


def assert_cheap(found: list[Plan]) -> None:
    assert_led(found)
    assert sum(plan.rows for plan in found) < ROWS, "\n".join(map(str, found))


@pytest.mark.parametrize("viewer", [USER, ADMIN], ids=["user", "admin"])
@pytest.mark.parametrize("query", EVERYTHING.values(), ids=EVERYTHING)
def test_a_listing_is_led_by_indexes(crowded: Database, query: ImageQuery, viewer: Viewer) -> None:
    with plans(crowded) as found:
        Catalog(crowded).images.list(query, viewer)
    assert_cheap(found)


@pytest.mark.parametrize("viewer", [USER, ADMIN], ids=["user", "admin"])
@pytest.mark.parametrize("query", DEAR.values(), ids=DEAR)
def test_a_dear_listing_is_led_by_indexes_too(crowded: Database, query: ImageQuery, viewer: Viewer) -> None:
    with plans(crowded) as found:
        Catalog(crowded).images.list(query, viewer)
    assert_led(found)


@pytest.mark.parametrize("viewer", [USER, ADMIN], ids=["user", "admin"])
def test_a_first_key_that_nearly_all_share_costs_one_reading(crowded: Database, viewer: Viewer) -> None:
    """PostgreSQL reads the table then, which is cheaper than its index when nearly all rows are sorted."""
    with plans(crowded) as found:
        Catalog(crowded).images.list(ImageQuery(sort=(("status", "asc"), ("name", "asc"))), viewer)
    assert len(found) <= STATEMENTS
    assert sum("images" in plan.whole for plan in found) <= 1, "\n".join(map(str, found))


@pytest.mark.parametrize("viewer", [USER, ADMIN], ids=["user", "admin"])
@pytest.mark.parametrize("query", SORTED.values(), ids=SORTED)
def test_a_page_in_the_middle_costs_what_the_first_costs(
    crowded: Database, query: ImageQuery, viewer: Viewer
) -> None:
    catalog = Catalog(crowded)
    named = select(images.c.id).where(
        images.c.created_at >= MIDDLE,
        images.c.owner == MEMBER,
        *(images.c[key].is_not(None) for key in ("name", "size", "disk_format", "container_format")),
    )
    with crowded.read() as conn:
        marker = conn.execute(named.order_by(images.c.created_at).limit(1)).scalar_one()
    with plans(crowded) as found:
        catalog.images.list(ImageQuery(sort=query.sort, marker=marker), viewer)
    assert_cheap(found)
