"""Locations as users change them: where an image's data is, in the order in which it is shown.

Positions are the order of the rows' numbers. To put one in the middle, those behind it are written again: this
is rare, and nobody else has to know of positions.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Row, delete, false, insert, select, update

from glimpse.catalog import changes
from glimpse.catalog.admission import Admission, judged, take_turn
from glimpse.catalog.changes import Change
from glimpse.catalog.details import find
from glimpse.catalog.records import DataFacts, Image, Location, NewLocation
from glimpse.catalog.repository import Repository, writes
from glimpse.catalog.tables import image_locations as table
from glimpse.catalog.tables import images
from glimpse.errors import Conflict, Forbidden, Invalid, NotFound

# While an image is being filled or is withheld, its locations are not for users to change.
OPEN = frozenset({"queued", "active"})
NOTHING_KNOWN = DataFacts()
NO_CHANGE = Change()

Check = Callable[[int], None]
"""Is told how many locations the image would have, and raises where these are too many."""


def _any_number(count: int) -> None:
    """No limit."""


@dataclass(frozen=True, slots=True)
class LocationChange:
    """One change of the list.

    ``add`` puts one location at ``position`` (from 0; None: behind the last), ``remove`` takes away the one that is
    there, ``replace`` gives all at once: to an image that has none, or the same addresses in another order or with
    other metadata. ``data`` is what is known about the data: a queued image, which becomes active, takes it over,
    any other must agree with it.
    """

    operation: Literal["add", "replace", "remove"]
    locations: tuple[NewLocation, ...] = ()
    position: int | None = None
    data: DataFacts = NOTHING_KNOWN


class ImageLocations(Repository):
    """Adding, replacing and removing locations. All raise NotFound, and Conflict where the image's status forbids
    it.
    """

    @writes
    def change(
        self,
        conn: Connection,
        image_id: str,
        wanted: Sequence[LocationChange],
        *,
        check: Check = _any_number,
        image: Change = NO_CHANGE,
        check_properties: Callable[[Collection[str]], None] = lambda names: None,
        admission: Admission | None = None,
    ) -> tuple[Image, tuple[Location, ...]]:
        """Make all these changes, and those of the ``image``'s own rows before them, or none.

        The answer also names the locations that are gone; their objects are for the caller to delete.
        ``check_properties`` is as for :meth:`Images.update`; ``admission`` judges what the owner has then. Raises
        Invalid for positions and lists that cannot be, Forbidden where no location would be left, what the checks
        raise, and what :func:`changes.apply` does.
        """
        take_turn(conn, admission)
        changes.apply(conn, image_id, image, self.now())
        row = _hold(conn, image_id, OPEN)
        listing = _List(row, _rows(conn, image_id), check)
        for change in wanted:
            listing.apply(change)
        self._write(conn, image_id, listing)
        changed = find(conn, image_id, None)
        assert changed is not None
        check_properties(changed.properties)
        judged(conn, admission)
        left = {each.url for each in changed.locations}
        return changed, tuple(_location(each) for each in listing.gone if each["url"] not in left)

    def add(
        self, image_id: str, location: NewLocation, *, position: int | None = None, check: Check = _any_number
    ) -> Image:
        """Put one location into the list."""
        return self.change(image_id, [LocationChange("add", (location,), position)], check=check)[0]

    @writes
    def remove_from_store(self, conn: Connection, image_id: str, store: str) -> Location:
        """Take away the location in this store and say which it was; its object is for the caller to delete.

        Raises Forbidden where it is the last, NotFound where there is none.
        """
        row = _hold(conn, image_id, {"active"})
        listing = _List(row, _rows(conn, image_id), _any_number)
        listing.refuse_last()
        position = next((place for place, each in enumerate(listing.rows) if each["store"] == store), None)
        if position is None:
            raise NotFound(f"Image {image_id} is not in store {store}.")
        listing.apply(LocationChange("remove", position=position))
        self._write(conn, image_id, listing)
        return _location(listing.gone[0])

    def _write(self, conn: Connection, image_id: str, listing: "_List") -> None:
        """Write the list, one row after the other: one statement for all could number them in another order."""
        same = 0
        while (
            same < min(len(listing.before), len(listing.rows)) and listing.before[same] == listing.rows[same]
        ):
            same += 1
        numbers = [each["id"] for each in listing.before[same:]]
        if numbers:
            conn.execute(delete(table).where(table.c.id.in_(numbers)))
        now = self.now()
        for each in listing.rows[same:]:
            fresh = {"import_id": None, "created_at": now, "image_id": image_id}
            conn.execute(insert(table), fresh | {name: value for name, value in each.items() if name != "id"})
        conn.execute(
            update(images).where(images.c.id == image_id).values(**listing.image_values, updated_at=now)
        )


class _List:
    """The locations of an image whose row is held, while they are being changed."""

    def __init__(self, image: Row[*tuple[Any, ...]], rows: Sequence[Mapping[str, Any]], check: Check) -> None:
        self.before = rows
        self.rows = [dict(row) for row in rows]
        self.gone: list[Mapping[str, Any]] = []
        self.image_values: dict[str, Any] = {}
        self._image = dict(image._mapping)
        self._check = check

    def apply(self, change: LocationChange) -> None:
        if change.operation == "remove":
            self._remove(change.position)
        else:
            self._check_data(change.data)
            if change.operation == "add":
                self._add(change.locations[0], change.position)
            else:
                self._replace(change.locations)
            self._take(change.data)

    def refuse_last(self) -> None:
        if len(self.rows) == 1:
            raise Forbidden(f"Image {self._image['id']} is in one place only, which cannot be removed.")

    def _add(self, location: NewLocation, position: int | None) -> None:
        place = self._place(position, len(self.rows))
        self._refuse_double([*(each["url"] for each in self.rows), location.url])
        self._check(len(self.rows) + 1)
        self.rows.insert(place, _row(location))

    def _replace(self, locations: Sequence[NewLocation]) -> None:
        image_id = self._image["id"]
        if not locations:
            raise Forbidden(f"Image {image_id} cannot be left without locations.")
        known = {each["url"]: each for each in self.rows}
        urls = [location.url for location in locations]
        self._refuse_double(urls)
        if known and known.keys() != set(urls):
            raise Invalid(f"Image {image_id} has locations, which cannot be replaced by others.")
        self._check(len(urls))
        self.rows = [_row(each, known.get(each.url)) for each in locations]

    def _remove(self, position: int | None) -> None:
        if self._image["status"] != "active":
            raise Conflict(_unfit(self._image["id"], self._image["status"], {"active"}))
        place = self._place(position, len(self.rows) - 1)
        self.refuse_last()
        self.gone.append(self.rows.pop(place))

    def _place(self, position: int | None, last: int) -> int:
        place = last if position is None else position
        if not 0 <= place <= last:
            raise Invalid(
                f"{position} is no position among the {len(self.rows)} locations of image {self._image['id']}."
            )
        return place

    def _check_data(self, data: DataFacts) -> None:
        """What is said of the data must not contradict what is known; a queued image knows nothing."""
        for name, value in asdict(data).items():
            known = self._image[name]
            if value is None or value == known or (name == "virtual_size" and known is not None):
                continue
            if known is not None and name == "size":
                raise Invalid(f"There are {value} bytes, but image {self._image['id']} has {known}.")
            if known is not None:
                raise Conflict(f"The {name} of image {self._image['id']} is {known} already.")
            if self._image["status"] != "queued" and name not in ("size", "virtual_size"):
                raise Conflict(f"The {name} can only be given while image {self._image['id']} is queued.")

    def _take(self, data: DataFacts) -> None:
        """A queued image has its data with this."""
        image = self._image
        if image["status"] != "queued":
            return
        if image["disk_format"] is None or image["container_format"] is None:
            raise Invalid(
                f"Image {image['id']} needs disk_format and container_format before its data comes."
            )
        facts = {name: value for name, value in asdict(data).items() if value is not None}
        # The number goes up, as with everything that gives an image data.
        self.image_values = {**facts, "status": "active", "claim": image["claim"] + 1}
        self._image |= self.image_values

    def _refuse_double(self, urls: Sequence[str]) -> None:
        if len(set(urls)) < len(urls):
            raise Invalid("An image cannot have the same location twice.")


def _hold(conn: Connection, image_id: str, statuses: frozenset[str] | set[str]) -> Row[*tuple[Any, ...]]:
    """The image's row, locked until the end of the transaction."""
    columns = ("id", "status", "claim", "disk_format", "container_format", *DataFacts.__dataclass_fields__)
    row = conn.execute(
        select(*(images.c[name] for name in columns))
        .where(images.c.id == image_id, images.c.deleted == false())
        .with_for_update()
    ).first()
    if row is None:
        raise NotFound(f"No image found with ID {image_id}")
    if row.status not in statuses:
        raise Conflict(_unfit(image_id, row.status, statuses))
    return row


def _unfit(image_id: str, status: str, wanted: frozenset[str] | set[str]) -> str:
    return f"Image {image_id} is {status}; this needs one that is {' or '.join(sorted(wanted))}."


def _rows(conn: Connection, image_id: str) -> list[dict[str, Any]]:
    rows = conn.execute(select(table).where(table.c.image_id == image_id).order_by(table.c.id))
    return [dict(row._mapping) for row in rows]


def _row(location: NewLocation, before: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A row for this location, which was in ``before``."""
    row = dict(before or {"store": location.store})
    return row | {"url": location.url, "metadata": dict(location.metadata)}


def _location(row: Mapping[str, Any]) -> Location:
    return Location(row.get("id", 0), row["url"], row["store"], row["metadata"])
