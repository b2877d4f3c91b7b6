"""Run as a program: ``writers.py upgrade URL`` or ``writers.py write URL COUNT``, told to start by a line on
stdin.
"""

import sys

from sqlalchemy import select, update

from glimpse.catalog import Catalog, Database
from glimpse.catalog.records import NewImage
from glimpse.catalog.tables import images

COUNTER = "00000000-0000-0000-0000-000000000000"


def write(db: Database, count: int) -> None:
    """Read a number and write it back raised by one, and create an image, ``count`` times."""
    catalog = Catalog(db)
    for _ in range(count):
        with db.write() as conn:
            counter = select(images.c.min_ram).where(images.c.id == COUNTER).with_for_update()
            number = conn.execute(counter).scalar_one()
            conn.execute(update(images).where(images.c.id == COUNTER).values(min_ram=number + 1))
        catalog.images.create(NewImage(properties={"a": "1"}, tags=("t",)))


def main() -> None:
    verb, url, *rest = sys.argv[1:]
    db = Database(url)
    print("ready", flush=True)
    sys.stdin.readline()
    if verb == "upgrade":
        db.upgrade()
    else:
        write(db, int(rest[0]))


if __name__ == "__main__":
    main()
