"""That the helper for query plans tells good ones from bad ones, with 100,000 images on every database."""

import pytest
from sqlalchemy import select

from glimpse.catalog import Database
from glimpse.catalog.tables import images
from tests.crowd import RARE
from tests.plans import plans

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_what_has_no_index_is_read_wholly(crowded: Database) -> None:
    with plans(crowded) as found, crowded.read() as conn:
        conn.execute(select(images.c.id).where(images.c.claim == 2)).all()
    [plan] = found
    assert plan.whole == {"images"}, plan
    assert plan.rows >= 50_000, plan


def test_what_has_one_is_looked_up(crowded: Database) -> None:
    with plans(crowded) as found, crowded.read() as conn:
        conn.execute(select(images).where(images.c.id == RARE)).all()
        conn.execute(select(images.c.name).where(images.c.checksum == "0" * 32)).all()
    for plan in found:
        assert not plan.whole, plan
        assert plan.rows < 100, plan
    assert "ix_images_by_checksum" in found[1].indexes


def test_sorting_is_seen(crowded: Database) -> None:
    with plans(crowded) as found, crowded.read() as conn:
        conn.execute(select(images.c.id).order_by(images.c.os_hash_value.desc(), images.c.id).limit(1)).all()
    [plan] = found
    assert plan.sorts, plan
