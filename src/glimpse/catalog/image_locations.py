"""Locations as users change them: where an image's data is, in the order in which it is shown.

Positions are the order of the rows' numbers. To put one in the middle, those behind it are written again: this
is rare, and nobody else has to know of positions.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, delete, false, insert, select, update

from glimpse.catalog.details import find
from glimpse.catalog.records import DataFacts, Image, Location, NewLocation
from glimpse.catalog.repository import Repository, writes
from glimpse.catalog.tables import image_locations as table
from glimpse.catalog.tables import images
from glimpse.errors import Conflict, Forbidden, Invalid, NotFound

# While an image is being filled or is withheld, its locations are not for users to change.
OPEN = frozenset({"queued", "active"})

Check = Callable[[int], None]


def _any_number(count: int) -> None:
    """No limit."""


class ImageLocations(Repository):
    """Adding, replacing and removing locations. ``check`` is told how many locations the image would have, and
    raises where these are too many. All raise NotFound, and Conflict where the image's status forbids it.
    """

    @writes
    def add(
        self,
        conn: Connection,
        image_id: str,
        location: NewLocation,
        *,
        position: int | None = None,
        data: DataFacts | None = None,
        check: Check = _any_number,
    ) -> Image:
        """Put a location at ``position`` (from 0; None: behind the last). A queued image becomes active.

        ``data`` is what is known about the data; it is for queued images only (Conflict). Raises Invalid for a
        position that is none, and for an address that the image has already.
        """
        row = self._hold(conn, image_id)
        rows = _rows(conn, image_id)
        place = len(rows) if position is None else position
        if not 0 <= place <= len(rows):
            raise Invalid(f"{position} is no position among the {len(rows)} locations of image {image_id}.")
        check(len(rows) + 1)
        later = rows[place:]
        _refuse_double([*(each["url"] for each in rows), location.url])
        _remove(conn, [each["id"] for each in later])
        _write(conn, [self._row(image_id, location), *later])
        return self._changed(conn, row, data)

    @writes
    def replace(
        self,
        conn: Connection,
        image_id: str,
        locations: Sequence[NewLocation],
        *,
        data: DataFacts | None = None,
        check: Check = _any_number,
    ) -> Image:
        """All locations at once: of an image that has none, or the same addresses in another order or with
        other metadata. A queued image becomes active.

        Raises Forbidden for an empty list, Invalid for other addresses or one given twice.
        """
        row = self._hold(conn, image_id)
        if not locations:
            raise Forbidden(f"Image {image_id} cannot be left without locations.")
        known = {each["url"]: each for each in _rows(conn, image_id)}
        urls = [location.url for location in locations]
        _refuse_double(urls)
        if known and known.keys() != set(urls):
            raise Invalid(f"Image {image_id} has locations, which cannot be replaced by others.")
        check(len(urls))
        _remove(conn, [each["id"] for each in known.values()])
        _write(conn, [self._row(image_id, each, known.get(each.url)) for each in locations])
        return self._changed(conn, row, data)

    @writes
    def remove(self, conn: Connection, image_id: str, position: int) -> Location:
        """Take away the location at ``position`` and say which it was; its object is for the caller to delete.

        Raises Invalid for a position that is none, Forbidden for the last location.
        """
        row = self._hold(conn, image_id, {"active"})
        rows = _rows(conn, image_id)
        if not 0 <= position < len(rows):
            raise Invalid(f"{position} is no position among the {len(rows)} locations of image {image_id}.")
        _refuse_last(image_id, rows)
        return self._gone(conn, row, rows[position])

    @writes
    def remove_from_store(self, conn: Connection, image_id: str, store: str) -> Location:
        """Take away the location in this store and say which it was; its object is for the caller to delete.

        Raises Forbidden where it is the last, NotFound where there is none.
        """
        row = self._hold(conn, image_id, {"active"})
        rows = _rows(conn, image_id)
        _refuse_last(image_id, rows)
        found = next((each for each in rows if each["store"] == store), None)
        if found is None:
            raise NotFound(f"Image {image_id} is not in store {store}.")
        return self._gone(conn, row, found)

    def _hold(
        self, conn: Connection, image_id: str, statuses: frozenset[str] | set[str] = OPEN
    ) -> Row[*tuple[Any, ...]]:
        """The image's row, locked until the end of the transaction."""
        columns = ("id", "status", "claim", "disk_format", "container_format")
        row = conn.execute(
            select(*(images.c[name] for name in columns))
            .where(images.c.id == image_id, images.c.deleted == false())
            .with_for_update()
        ).first()
        if row is None:
            raise NotFound(f"No image found with ID {image_id}")
        if row.status not in statuses:
            wanted = " or ".join(sorted(statuses))
            raise Conflict(f"Image {image_id} is {row.status}; this needs one that is {wanted}.")
        return row

    def _row(
        self, image_id: str, location: NewLocation, before: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """A row for this location, which was in ``before``."""
        row = (
            dict(before) if before else {"import_id": None, "created_at": self.now(), "store": location.store}
        )
        return row | {"image_id": image_id, "url": location.url, "metadata": dict(location.metadata)}

    def _changed(self, conn: Connection, row: Row[*tuple[Any, ...]], data: DataFacts | None) -> Image:
        values: dict[str, Any] = {"updated_at": self.now()}
        if row.status == "queued":
            if row.disk_format is None or row.container_format is None:
                raise Invalid(f"Image {row.id} needs disk_format and container_format before its data comes.")
            # The number goes up, as with everything that gives an image data.
            values |= {"status": "active", "claim": row.claim + 1}
            values |= {
                name: value for name, value in asdict(data or DataFacts()).items() if value is not None
            }
        elif data is not None:
            raise Conflict(f"Image {row.id} has data already; what is known about it cannot be changed.")
        conn.execute(update(images).where(images.c.id == row.id).values(values))
        image = find(conn, row.id, None)
        assert image is not None
        return image

    def _gone(self, conn: Connection, row: Row[*tuple[Any, ...]], location: Mapping[str, Any]) -> Location:
        _remove(conn, [location["id"]])
        conn.execute(update(images).where(images.c.id == row.id).values(updated_at=self.now()))
        return Location(*(location[name] for name in Location.__dataclass_fields__))


def _rows(conn: Connection, image_id: str) -> list[dict[str, Any]]:
    rows = conn.execute(select(table).where(table.c.image_id == image_id).order_by(table.c.id))
    return [dict(row._mapping) for row in rows]


def _remove(conn: Connection, numbers: Sequence[int]) -> None:
    if numbers:
        conn.execute(delete(table).where(table.c.id.in_(numbers)))


def _write(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """New rows in this order, one by one: one statement for all could number them in another."""
    for row in rows:
        conn.execute(insert(table), {name: value for name, value in row.items() if name != "id"})


def _refuse_double(urls: Sequence[str]) -> None:
    if len(set(urls)) < len(urls):
        raise Invalid("An image cannot have the same location twice.")


def _refuse_last(image_id: str, rows: Sequence[Mapping[str, Any]]) -> None:
    if len(rows) == 1:
        raise Forbidden(f"Image {image_id} is in one place only, which cannot be removed.")
