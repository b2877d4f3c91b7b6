"""The stores that an import delivers to, and the two lists of them that users see on the image."""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, insert, select, update

from glimpse.catalog import locations, properties
from glimpse.catalog.claims import journalled
from glimpse.catalog.fence import Held, fenced
from glimpse.catalog.records import FAILED, IMPORTING, NewLocation
from glimpse.catalog.repository import Repository, writes_again
from glimpse.catalog.tables import images, imports
from glimpse.catalog.tables import import_targets as table
from glimpse.errors import Conflict, Invalid


class ImportTargets(Repository):
    """The part of :class:`Imports` that is about single stores."""

    @writes_again
    def start_targets(
        self,
        conn: Connection,
        import_id: str,
        claim: int,
        stores: Collection[str],
        *,
        plan: Mapping[str, object] | None = None,
        state: Mapping[str, object] | None = None,
    ) -> None:
        """Data is being written to these stores; ``plan`` and ``state`` go into the journal with it.

        Raises ClaimLost, Conflict (one has committed already).
        """
        row = fenced(conn, import_id, claim)
        these = (table.c.import_id == import_id) & table.c.store.in_(list(stores))
        done = conn.execute(select(table.c.store).where(these, table.c.state == "committed")).scalar()
        if done is not None:
            raise Conflict(f"Import {import_id} has delivered to store {done} already.")
        conn.execute(update(table).where(these).values(state="writing", url=None, error=None))
        values = journalled(row, plan=plan, state=state)
        conn.execute(update(imports).where(imports.c.id == import_id).values(**values, updated_at=self.now()))

    @writes_again
    def commit_target(
        self,
        conn: Connection,
        import_id: str,
        claim: int,
        store: str,
        location: NewLocation,
        *,
        state: Mapping[str, object] | None = None,
    ) -> None:
        """The object at ``location`` is the image's data in this store; ``state`` goes into the journal with it.

        Repeating it is harmless. Raises ClaimLost; Conflict when the store has committed another object.
        """
        row = fenced(conn, import_id, claim)
        stands, url = _state(conn, import_id, store)
        if stands == "committed":
            if url == location.url:
                return
            raise Conflict(f"Import {import_id} has delivered to store {store} already.")
        locations.add(conn, row.image_id, location, self.now(), import_id)
        committed = {"state": "committed", "url": location.url, "error": None}
        self._write(conn, row, store, committed, journalled(row, state=state))

    @writes_again
    def fail_target(self, conn: Connection, import_id: str, claim: int, store: str, error: str) -> None:
        """This store will not get the image by this import. Raises ClaimLost, Conflict (it has committed)."""
        row = fenced(conn, import_id, claim)
        if _state(conn, import_id, store)[0] == "committed":
            raise Conflict(f"Import {import_id} has delivered to store {store} already.")
        self._write(conn, row, store, {"state": "failed", "url": None, "error": error})

    def _write(
        self,
        conn: Connection,
        row: Held,
        store: str,
        values: Mapping[str, object],
        journal: Mapping[str, object] | None = None,
    ) -> None:
        conn.execute(
            update(table).where(table.c.import_id == row.id, table.c.store == store).values(dict(values))
        )
        now = self.now()
        conn.execute(
            update(imports).where(imports.c.id == row.id).values({**(journal or {}), "updated_at": now})
        )
        show_lists(conn, row)
        conn.execute(update(images).where(images.c.id == row.image_id).values(updated_at=now))


def add(conn: Connection, import_id: str, stores: tuple[str, ...]) -> None:
    """The targets of a new import, all pending."""
    if stores:
        conn.execute(
            insert(table),
            [
                {"import_id": import_id, "store": store, "position": position, "state": "pending"}
                for position, store in enumerate(dict.fromkeys(stores))
            ],
        )


def show_lists(conn: Connection, row: Held) -> None:
    """Make the image's two lists say what the targets say."""
    rows = conn.execute(select(table.c.store, table.c.state).where(table.c.import_id == row.id)).all()
    if not row.lists_stores:
        rows = []
    going = sorted(store for store, state in rows if state in ("pending", "writing"))
    failed = sorted(store for store, state in rows if state == "failed")
    properties.put(conn, row.image_id, {IMPORTING: ",".join(going), FAILED: ",".join(failed)})


def settle(conn: Connection, row: Held, *, keep_committed: bool, error: str) -> bool:
    """The end of an import: whatever is not delivered has failed. Whether any store has the data."""
    rest = ["pending", "writing"] if keep_committed else ["pending", "writing", "committed"]
    of_import = table.c.import_id == row.id
    conn.execute(
        update(table).where(of_import, table.c.state.in_(rest)).values(state="failed", url=None, error=error)
    )
    delivered = conn.execute(select(table.c.store).where(of_import, table.c.state == "committed")).first()
    if not row.deleted:
        show_lists(conn, row)
    return delivered is not None


def _state(conn: Connection, import_id: str, store: str) -> tuple[str, str | None]:
    row = conn.execute(
        select(table.c.state, table.c.url).where(table.c.import_id == import_id, table.c.store == store)
    ).first()
    if row is None:
        raise Invalid(f"Import {import_id} was not asked to deliver to store {store}.")
    return row.state, row.url
