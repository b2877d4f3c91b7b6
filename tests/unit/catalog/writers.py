"""Run as a program: ``writers.py upgrade URL`` or ``writers.py write URL COUNT THREADS``, told to start by a line on
stdin.
"""

import sys
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Connection, select, update

from glimpse.catalog import Catalog, Database
from glimpse.catalog.records import NewImage, NewImport, NewLocation
from glimpse.catalog.tables import images

COUNTER = "00000000-0000-0000-0000-000000000000"


def raise_counter(conn: Connection) -> None:
    """Read a number and write it back raised by one."""
    counter = select(images.c.min_ram).where(images.c.id == COUNTER).with_for_update()
    number = conn.execute(counter).scalar_one()
    conn.execute(update(images).where(images.c.id == COUNTER).values(min_ram=number + 1))


def live(catalog: Catalog) -> None:
    """The life of an image, as the parts of a service write it."""
    new = NewImage(disk_format="raw", container_format="bare", properties={"a": "1"}, tags=("t",))
    image_id = catalog.images.create(new).id
    begun = catalog.imports.begin(NewImport(image_id, "web-download", {}, ("main",)), {"queued"})
    held = catalog.imports.claim(begun.id, "writer", 60)
    of = (held.id, held.claim)
    catalog.imports.renew(*of, 60)
    catalog.imports.commit_target(*of, "main", NewLocation(f"file:///{image_id}", "main"))
    catalog.imports.succeed(*of, attributes={"size": 1})
    catalog.images.update(image_id, properties={"a": "2", "b": "3"}, tags=["u"])
    catalog.images.delete(image_id)


def write(db: Database, count: int) -> None:
    catalog = Catalog(db)
    for _ in range(count):
        db.run(raise_counter, writes=True)
        live(catalog)


def main() -> None:
    verb, url, *rest = sys.argv[1:]
    db = Database(url)
    print("ready", flush=True)
    sys.stdin.readline()
    if verb == "upgrade":
        db.upgrade()
    else:
        count, threads = map(int, rest)
        with ThreadPoolExecutor(threads) as pool:
            for done in [pool.submit(write, db, count) for _ in range(threads)]:
                done.result()


if __name__ == "__main__":
    main()
