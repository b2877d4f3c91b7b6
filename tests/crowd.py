"""100,000 images as a cloud might have them: the same on every database, and loaded within seconds."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import Connection, Table, inspect, text
from sqlalchemy.dialects import postgresql, sqlite

from glimpse.catalog import Database
from glimpse.catalog import tables as t
from glimpse.catalog.properties import fingerprint

IMAGES = 100_000
PROJECTS = [f"project-{number}" for number in range(200)]
# One project that everybody shares with, and one image that stands out by each of its attributes.
MEMBER = "project-7"
RARE = "ffffffff-0000-4000-8000-000000000001"
FIRST = datetime(2024, 1, 1, tzinfo=UTC)
ROWS_AT_ONCE = 2000

# References are right by construction; looking each up takes half of the time. The settings end with the
# connection.
UNCHECKED = {
    "sqlite": "PRAGMA defer_foreign_keys = ON",
    "postgresql": "SET LOCAL session_replication_role = replica",
    "mysql": "SET foreign_key_checks = 0, unique_checks = 0",
}

Row = dict[str, Any]


def fill(url: str) -> None:
    """Make the tables of a new database and put the images in."""
    db = Database(url)
    db.upgrade()
    try:
        with db.write() as connection:
            connection.execute(text(UNCHECKED[db.dialect]))
            with _without_indexes(connection, t.images, t.image_properties):
                for table, rows in contents().items():
                    _load(connection, table, rows)
        with db.write() as connection:
            # Databases choose by statistics, which they gather by themselves in time.
            for table in t.metadata.sorted_tables:
                name = table.name
                connection.execute(text(f"ANALYZE {'TABLE ' if db.dialect == 'mysql' else ''}{name}"))
    finally:
        db.close()


@contextmanager
def _without_indexes(connection: Connection, *indexed: Table) -> Iterator[None]:
    """Sorting once is faster than finding the place of each row."""
    if connection.dialect.name == "mysql":
        # The definitions in the code are for the other two; what is there now says the same.
        found = {table.name: inspect(connection).get_indexes(table.name) for table in indexed}
        for name, indexes in found.items():
            drops = ", ".join(f"DROP INDEX {index['name']}" for index in indexes)
            connection.execute(text(f"ALTER TABLE {name} {drops}"))
        yield
        for name, indexes in found.items():
            columns = {index["name"]: ", ".join(map(str, index["column_names"])) for index in indexes}
            adds = ", ".join(f"ADD INDEX {index} ({keys})" for index, keys in columns.items())
            connection.execute(text(f"ALTER TABLE {name} {adds}"))
    else:
        every = [index for table in indexed for index in table.indexes]
        for index in every:
            index.drop(connection)
        yield
        for index in every:
            index.create(connection)


def contents(count: int = IMAGES) -> dict[Table, list[Row]]:
    """All rows of so many images, the same ones each time."""
    random = Random(2026)
    rows: dict[Table, list[Row]] = {
        table: []
        for table in (t.images, t.image_properties, t.image_tags, t.image_locations, t.image_members)
    }
    for number in range(count):
        image = _image(random, number)
        image_id, at = image["id"], image["created_at"]
        rows[t.images].append(image)
        properties = {"os_distro": random.choice(["debian", "fedora", "ubuntu"]), "build": str(number)}
        rows[t.image_properties] += [
            {"image_id": image_id, "name": name, "value": value, "fingerprint": fingerprint(name, value)}
            for name, value in properties.items()
        ]
        tags = ["golden"] * (number % 2 == 0) + ["rare"] * (number % 10_000 == 0)
        rows[t.image_tags] += [{"image_id": image_id, "tag": tag} for tag in tags]
        if image["status"] == "active":
            where: Row = {
                "store": "main",
                "url": f"file:///images/{image_id}",
                "metadata": {},
                "import_id": None,
            }
            rows[t.image_locations].append({"image_id": image_id, "created_at": at, **where})
        if image["visibility"] == "shared":
            member = MEMBER if number % 100 == 1 else random.choice(PROJECTS)
            status = random.choice(["pending", "accepted", "rejected"])
            times = {"created_at": at, "updated_at": at}
            rows[t.image_members].append(
                {"image_id": image_id, "member": member, "status": status, "deleted": False, **times}
            )
    return rows


def _image(random: Random, number: int) -> Row:
    at = FIRST + timedelta(seconds=60 * number)
    rare = number == IMAGES // 2
    active = random.random() < 0.95
    return {
        "id": RARE if rare else f"{random.getrandbits(32):08x}-0000-4000-8000-{number:012x}",
        "name": "rare" if rare else random.choice([None, "debian", f"image {number}"]),
        "status": "active" if active else "queued",
        "visibility": random.choice(["private"] * 6 + ["shared"] * 2 + ["public", "community"]),
        "protected": rare or number % 1000 == 0,
        "os_hidden": number % 100 == 3,
        "checksum": f"{random.getrandbits(128):032x}" if active else None,
        "os_hash_algo": "sha512" if active else None,
        "os_hash_value": f"{random.getrandbits(512):0128x}" if active else None,
        "owner": random.choice(PROJECTS),
        "size": random.randrange(1 << 40) if active else None,
        "virtual_size": random.randrange(1 << 42) if active else None,
        "disk_format": "vdi" if rare else random.choice(["raw", "qcow2", None]),
        "container_format": "ova" if rare else random.choice(["bare", None]),
        "min_disk": 77 if rare else random.choice([0, 10, 20]),
        "min_ram": 77 if rare else random.choice([0, 512, 2048]),
        "created_at": at,
        "updated_at": at + timedelta(seconds=random.randrange(10**6)),
        "deleted": number % 50 == 7,
        "deleted_at": None,
        "claim": 1,
    }


def _load(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """By each database's fastest way in."""
    if not rows:
        return
    columns = [table.c[name] for name in rows[0]]
    names = ", ".join(column.name for column in columns)
    dialect = connection.dialect
    processors = [column.type.dialect_impl(dialect).bind_processor(dialect) for column in columns]

    def values() -> Iterator[list[Any]]:
        for row in rows:
            plain = [row[column.name] for column in columns]
            yield [put(value) if put else value for put, value in zip(processors, plain, strict=True)]

    driver: Any = connection.connection.driver_connection
    cursor = driver.cursor()
    if isinstance(dialect, postgresql.dialect):
        lines = "".join("\t".join(map(_copied, line)) + "\n" for line in values())
        with cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
            copy.write(lines)
    else:
        mark = "?" if isinstance(dialect, sqlite.dialect) else "%s"
        marks = ", ".join([mark] * len(columns))
        cursor.executemany(f"INSERT INTO {table.name} ({names}) VALUES ({marks})", list(values()))
    cursor.close()


def _copied(value: object) -> str:
    """As COPY reads it; nothing here needs to be escaped."""
    return r"\N" if value is None else str(value)
