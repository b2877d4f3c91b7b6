"""What a listing must give, in plain Python, and the images and queries to try it with."""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from sqlalchemy import insert, update

from glimpse.catalog import Catalog
from glimpse.catalog.order import SORT_KEYS, full_order
from glimpse.catalog.records import Comparison, Image, ImageQuery, NewImage, Viewer
from glimpse.catalog.tables import image_members, images
from tests.unit.catalog.clock import START, Clock

NAMES = ["", "a", "A", "a ", "b", "e", "é", "🐧", None]
FORMATS = ["raw", "qcow2", None]
SIZES = [None, 0, 5, 2**40]
ANY_IMAGE = st.fixed_dictionaries(
    {
        "name": st.sampled_from(NAMES),
        "visibility": st.sampled_from(["public", "private", "shared", "community"]),
        "owner": st.sampled_from(["p", "q", None]),
        "os_hidden": st.booleans(),
        "protected": st.booleans(),
        "min_ram": st.sampled_from([0, 5, 9]),
        "disk_format": st.sampled_from(FORMATS),
        "container_format": st.sampled_from(["bare", None]),
        "properties": st.dictionaries(
            st.sampled_from(["x", "x ", "y"]), st.sampled_from(["1", "1 ", "2", "", None])
        ),
        "tags": st.sets(st.sampled_from(["s", "s "])).map(tuple),
        "size": st.sampled_from(SIZES),
        "checksum": st.sampled_from(["c" * 32, None]),
        "status": st.sampled_from(["queued", "active", "active", "killed"]),
        "again": st.booleans(),
        "member": st.sampled_from([None, "pending", "accepted", "removed"]),
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
        "name": st.sampled_from(NAMES),
        "owner": st.sampled_from(["p", "q"]),
        "status": st.sampled_from(["queued", "active"]),
        "disk_format": st.sampled_from(FORMATS[:-1]),
        "protected": st.booleans(),
        "checksum": st.sampled_from(["c" * 32, "d" * 32]),
        "x": st.sampled_from(["1", "1 ", "2", ""]),
        "x ": st.sampled_from(["1", "1 "]),
        "y": st.sampled_from(["1", "never"]),
    },
)
ORDERED = st.sampled_from(["eq", "neq", "gt", "gte", "lt", "lte"])
# The clock of the tests has gone on for a few microseconds.
TIMES = st.integers(0, 20).map(lambda number: START + timedelta(microseconds=number))


def _in(column: str, values: Sequence[object]) -> st.SearchStrategy[Comparison]:
    some = st.lists(st.sampled_from(values), max_size=3).map(tuple)
    return st.builds(Comparison, st.just(column), st.just("in"), some)


COMPARISON = st.one_of(
    # Outside of a span of time.
    st.builds(
        Comparison, st.sampled_from(["created_at", "updated_at"]), st.just("neq"), st.tuples(TIMES, TIMES)
    ),
    st.builds(Comparison, st.sampled_from(["created_at", "updated_at"]), ORDERED, st.tuples(TIMES)),
    st.builds(
        Comparison,
        st.sampled_from(["size", "min_ram"]),
        st.sampled_from(["gte", "lte"]),
        st.tuples(st.sampled_from(SIZES[1:])),
    ),
    _in("name", NAMES[:-1]),
    _in("status", ["queued", "active", "importing"]),
    _in("disk_format", FORMATS[:-1]),
    st.builds(
        Comparison, st.just("container_format"), st.just("eq"), st.tuples(st.sampled_from(["bare", "ova"]))
    ),
)
QUERY = st.builds(
    ImageQuery,
    limit=st.integers(1, 5),
    sort=SORT,
    filters=st.one_of(st.just({}), FILTERS),
    comparisons=st.lists(COMPARISON, max_size=2).map(tuple),
    tags=st.sets(st.sampled_from(["s", "s "])).map(tuple),
    visibility=st.sampled_from([None, "all", "public", "private", "shared", "community"]),
    os_hidden=st.sampled_from([False, True, None]),
    member_status=st.sampled_from(["accepted", "pending", "all"]),
)
VIEWER = st.sampled_from([None, Viewer("p"), Viewer("q"), Viewer(None), Viewer("p", is_admin=True)])

OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "neq": operator.ne,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


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
        clock.frozen, member = values.pop("again"), values.pop("member")
        facts = {name: values.pop(name) for name in ("size", "checksum", "status")}
        image = catalog.images.create(NewImage(**values))
        everything.append(replace(image, **facts))
        with catalog.db.write() as conn:
            conn.execute(update(images).where(images.c.id == image.id).values(facts))
            if member:
                removed = member == "removed"
                if not removed:
                    members[image.id] = member
                row = {"image_id": image.id, "member": "q", "status": member, "deleted": removed}
                times = {"created_at": image.created_at, "updated_at": image.created_at}
                conn.execute(insert(image_members).values(**row, **times))
    return everything, members


def listed(
    everything: list[Image], members: dict[str, str], query: ImageQuery, viewer: Viewer | None
) -> list[str]:
    """What a listing without paging must give. ``members``: project q's membership by image."""

    def visible(image: Image) -> bool:
        own = viewer is not None and viewer.project is not None and image.owner == viewer.project
        if query.visibility not in (None, "all", image.visibility) or image.status == "killed":
            return False
        if image.visibility == "community":
            return own or query.visibility is not None or viewer is None
        if viewer is None or viewer.is_admin or own or image.visibility == "public":
            return True
        shared = members.get(image.id) if viewer.project == "q" and image.visibility == "shared" else None
        return shared is not None and query.member_status in ("all", shared)

    def compares(image: Image, wanted: Comparison) -> bool:
        value = getattr(image, wanted.column)
        if wanted.operator == "in":
            return value in wanted.values
        if len(wanted.values) == 2:
            begin, end = wanted.values
            return bool(value < begin or value >= end)
        return value is not None and OPERATORS[wanted.operator](value, wanted.values[0])

    def wanted(image: Image) -> bool:
        def value(key: str) -> object:
            return getattr(image, key) if hasattr(image, key) else image.properties.get(key)

        return (
            visible(image)
            and query.os_hidden in (None, image.os_hidden)
            and all(value(key) == given for key, given in query.filters.items())
            and all(compares(image, each) for each in query.comparisons)
            and set(query.tags) <= set(image.tags)
        )

    found = [image for image in everything if wanted(image)]
    for key, direction in reversed(full_order(query.sort)):

        def by_key(image: Image, key: str = key) -> tuple[bool, Any]:
            """NULL before everything."""
            value = getattr(image, key)
            return (value is not None, value)

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
