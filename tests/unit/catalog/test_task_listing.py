"""Listing imports as tasks, against a plain model."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from glimpse.catalog import Catalog, Database
from glimpse.catalog.records import Image, ImportRecord, NewImage, TaskQuery, task_type
from glimpse.catalog.tables import imports
from glimpse.catalog.task_listing import SORT_KEYS
from glimpse.errors import Invalid
from tests.servers.databases import Databases
from tests.unit.catalog.clock import Clock
from tests.unit.catalog.listing_model import FrozenClock
from tests.unit.catalog.scenes import new_import, running

TASK = st.fixed_dictionaries(
    {
        "method": st.sampled_from(["web-download", "copy-image", "import", "location-import"]),
        "status": st.sampled_from(["pending", "processing", "success", "failure"]),
        "owner": st.sampled_from(["p", "q", None]),
        "again": st.booleans(),
    }
)
QUERY = st.builds(
    TaskQuery,
    limit=st.integers(1, 4),
    sort=st.lists(
        st.tuples(st.sampled_from(sorted(SORT_KEYS)), st.sampled_from(["asc", "desc"])),
        max_size=2,
        unique_by=lambda pair: pair[0],
    ).map(tuple),
    status=st.sampled_from([None, "pending", "success"]),
    type=st.sampled_from([None, "import", "api_image_import", "location_import"]),
    owner=st.sampled_from([None, "p"]),
)


def fill(catalog: Catalog, clock: FrozenClock, plan: list[dict[str, Any]]) -> list[ImportRecord]:
    made = []
    for values in plan:
        clock.frozen = values["again"]
        image = catalog.images.create(NewImage())
        new = replace(new_import(image.id, method=values["method"]), owner=values["owner"])
        begun = catalog.imports.begin(new, {"queued"})
        with catalog.db.write() as conn:
            conn.execute(
                update(imports)
                .where(imports.c.id == begun.id)
                .values(status=values["status"], lock_image_id=None)
            )
        made.append(catalog.imports.get(begun.id))
    return made


def listed(everything: list[ImportRecord], query: TaskQuery) -> list[ImportRecord]:
    found = [
        task
        for task in everything
        if query.status in (None, task.status)
        and query.type in (None, task_type(task.method))
        and query.owner in (None, task.owner)
    ]
    direction = query.sort[0][1] if len(query.sort) == 1 else "desc"
    given_keys = [key for key, _ in query.sort]
    order = [*query.sort, *((key, direction) for key in ("created_at", "id") if key not in given_keys)]
    for key, way in reversed(order):

        def by_key(task: ImportRecord, key: str = key) -> Any:
            return task_type(task.method) if key == "type" else getattr(task, key)

        found.sort(key=by_key, reverse=way == "desc")
    return found


def pages(catalog: Catalog, query: TaskQuery) -> list[ImportRecord]:
    tasks: list[ImportRecord] = []
    while True:
        page = catalog.imports.list(query)
        tasks += page.tasks
        if not page.more:
            return tasks
        assert len(page.tasks) == query.limit
        query = replace(query, marker=tasks[-1].id)


@given(plan=st.lists(TASK, max_size=8), queries=st.lists(QUERY, min_size=1, max_size=6))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_paging_gives_each_wanted_task_once_in_order(
    backend: Databases, plan: list[dict[str, Any]], queries: list[TaskQuery]
) -> None:
    db, clock = Database(backend.fresh()), FrozenClock()
    catalog = Catalog(db, clock=clock)
    everything = fill(catalog, clock, plan)
    for query in queries:
        assert pages(catalog, query) == listed(everything, query), query
    db.close()


def test_expired_tasks_are_left_out_and_purged(catalog: Catalog, clock: Clock, image: Image) -> None:
    ended, other = running(catalog, image.id), catalog.images.create(NewImage())
    catalog.imports.fail(ended.id, ended.claim, error={}, message="no")
    going = catalog.imports.begin(new_import(other.id), {"queued"})
    assert [task.id for task in catalog.imports.list(TaskQuery()).tasks] == [going.id, ended.id]
    clock.pass_seconds(49 * 3600)
    assert [task.id for task in catalog.imports.list(TaskQuery()).tasks] == [going.id]
    assert [task.id for task in catalog.imports.list(TaskQuery(marker=going.id)).tasks] == []
    assert catalog.imports.purge() == 1
    with pytest.raises(Invalid):
        catalog.imports.list(TaskQuery(marker=ended.id))


@pytest.mark.parametrize(
    "query",
    [
        TaskQuery(sort=(("message", "asc"),)),
        TaskQuery(sort=(("id", "up"),)),
        TaskQuery(marker="11111111-2222-3333-4444-555555555555"),
    ],
)
def test_bad_queries_are_explained(catalog: Catalog, query: TaskQuery) -> None:
    with pytest.raises(Invalid):
        catalog.imports.list(query)


def test_none_are_listed_where_none_are_wanted(catalog: Catalog, image: Image) -> None:
    catalog.imports.begin(new_import(image.id), {"queued"})
    assert catalog.imports.list(TaskQuery(limit=0)).tasks == ()
