"""Transactions that the server undoes to help another one."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Connection, select, update

from glimpse.catalog import Catalog, Database
from glimpse.catalog.records import NewImage
from glimpse.catalog.tables import images
from tests.integration.catalog.harm import count
from tests.unit.catalog.writers import COUNTER, raise_counter

Open = Callable[[str], Database]
OTHER = "11111111-0000-0000-0000-000000000000"
RAISE = update(images).values(min_ram=images.c.min_ram + 1)


def test_two_that_block_each_other_both_succeed(url: str, open_database: Open) -> None:
    db = open_database(url)
    catalog = Catalog(db)
    catalog.images.create(NewImage(id=OTHER))
    both_hold_one = threading.Barrier(2)
    runs: list[str] = []

    def cross(first: str, second: str) -> Callable[[Connection], None]:
        def work(conn: Connection) -> None:
            runs.append(first)
            conn.execute(RAISE.where(images.c.id == first))
            if runs.count(first) == 1:
                both_hold_one.wait(30)
            conn.execute(RAISE.where(images.c.id == second))

        return work

    with ThreadPoolExecutor(2) as pool:
        for done in [
            pool.submit(db.run, cross(COUNTER, OTHER), writes=True),
            pool.submit(db.run, cross(OTHER, COUNTER), writes=True),
        ]:
            done.result(60)
    assert len(runs) >= 3, "the server has undone one of them"
    assert [catalog.images.get(image_id).min_ram for image_id in (COUNTER, OTHER)] == [2, 2]


def test_many_that_block_each_other_all_succeed(url: str, open_database: Open) -> None:
    """Rows in an order of one's own: what the repositories never do, but a plug-in or an operator may.

    PostgreSQL looks for deadlocks only after a second of waiting.
    """
    victims = 4
    db = open_database(url)
    ids = [Catalog(db).images.create(NewImage()).id for _ in range(victims)]

    def work(turn: int) -> Callable[[Connection], None]:
        order = ids[turn:] + ids[:turn]

        def raise_all(conn: Connection) -> None:
            for image_id in order:
                conn.execute(RAISE.where(images.c.id == image_id))

        return raise_all

    with ThreadPoolExecutor(victims) as pool:
        for done in [pool.submit(db.run, work(turn), writes=True) for turn in range(victims)]:
            done.result(60)
    with db.read() as conn:
        numbers = conn.execute(select(images.c.min_ram).where(images.c.id.in_(ids))).scalars().all()
    assert numbers == [victims] * victims


def test_a_lock_that_was_waited_for_too_long_is_tried_again(url: str, open_database: Open) -> None:
    db = open_database(url)
    again, runs = threading.Event(), []
    impatience = {
        "postgresql": "SET LOCAL lock_timeout = '200ms'",
        "mysql": "SET SESSION innodb_lock_wait_timeout = 1",
    }

    def work(conn: Connection) -> None:
        runs.append(conn)
        if len(runs) == 2:
            again.set()
        conn.exec_driver_sql(impatience[db.dialect])
        raise_counter(conn)

    with ThreadPoolExecutor(1) as pool:
        with db.write() as holder:
            holder.execute(RAISE.where(images.c.id == COUNTER))
            done = pool.submit(db.run, work, writes=True)
            assert again.wait(30)
        done.result(30)
    assert count(db) == 2
