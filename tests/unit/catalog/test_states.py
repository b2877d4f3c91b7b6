"""Every pair of states, against a copy of the specification's table."""

from itertools import product

import pytest
from sqlalchemy import update

from glimpse.catalog import Catalog
from glimpse.catalog.records import Image
from glimpse.catalog.states import TRANSITIONS, allowed
from glimpse.catalog.tables import images
from glimpse.errors import Conflict, NotFound

SPECIFIED = """
queued: saving uploading importing active deleted
saving: active killed deleted queued
uploading: importing queued deleted
importing: active deleted queued
active: pending_delete deleted deactivated
deactivated: active deleted
pending_delete: deleted active
killed: deleted
deleted:
"""
PAIRS = {
    (before, after)
    for before, targets in (line.split(":") for line in SPECIFIED.strip().splitlines())
    for after in targets.split()
}
STATES = sorted(TRANSITIONS)


def test_the_table_is_the_specified_one() -> None:
    assert {pair for pair in product(STATES, STATES) if allowed(*pair)} == PAIRS


@pytest.mark.parametrize(("before", "after"), list(product(STATES, STATES)))
def test_a_change_of_status_is_compared_and_swapped(
    catalog: Catalog, image: Image, before: str, after: str
) -> None:
    with catalog.db.write() as conn:
        conn.execute(update(images).values(status=before))
    if (before, after) in PAIRS:
        assert catalog.images.change_status(image.id, before, after).status == after
        with pytest.raises(Conflict):
            catalog.images.change_status(image.id, before, after)
        assert catalog.images.get(image.id).status == after
    else:
        with pytest.raises(Conflict):
            catalog.images.change_status(image.id, before, after)
        assert catalog.images.get(image.id).status == before


def test_a_change_from_a_state_that_the_image_has_left_is_refused(catalog: Catalog, image: Image) -> None:
    catalog.images.begin_upload(image.id, "file", None, "api-1", 10)
    with pytest.raises(Conflict, match="is saving, not queued"):
        catalog.images.change_status(image.id, "queued", "active")


def test_an_unknown_state_leads_nowhere(catalog: Catalog, image: Image) -> None:
    with pytest.raises(Conflict):
        catalog.images.change_status(image.id, "lost", "queued")
    with pytest.raises(NotFound):
        catalog.images.change_status("no-such-image", "queued", "active")
