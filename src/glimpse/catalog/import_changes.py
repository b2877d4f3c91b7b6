"""What an import changes about its image besides its data: properties that are injected, and what plugins save."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, update

from glimpse.catalog import properties, tags
from glimpse.catalog.fence import fenced
from glimpse.catalog.repository import Repository, writes_again
from glimpse.catalog.tables import images, imports
from glimpse.errors import Forbidden

# What a plugin may set. Formats and sizes become the image's with its data, the status is the import's own.
ATTRIBUTES = frozenset({"name", "visibility", "protected", "os_hidden", "min_disk", "min_ram"})


class ImportChanges(Repository):
    """The part of :class:`Imports` that is about the image's record."""

    @writes_again
    def inject(self, conn: Connection, import_id: str, claim: int, values: Mapping[str, str | None]) -> None:
        """Set properties with the service's authority, remembering what was there.

        Should the import fail, each is put back unless somebody has changed it since. Repeating is harmless.
        Raises ClaimLost.
        """
        row = fenced(conn, import_id, claim)
        before = properties.current(conn, row.image_id, values.keys())
        memory = dict(row.injected)
        for name, value in values.items():
            had = memory[name][0] if name in memory else ([before[name]] if name in before else None)
            memory[name] = [had, value]
        properties.put(conn, row.image_id, values)
        now = self.now()
        conn.execute(update(imports).where(imports.c.id == import_id).values(injected=memory, updated_at=now))
        conn.execute(update(images).where(images.c.id == row.image_id).values(updated_at=now))

    @writes_again
    def change(
        self,
        conn: Connection,
        import_id: str,
        claim: int,
        *,
        set: Mapping[str, object] | None = None,
        properties: Mapping[str, str | None] | None = None,
        remove_properties: Collection[str] = (),
        tags: Collection[str] | None = None,
    ) -> None:
        """Change the image on behalf of the import, and only what is named; it stays when the import fails.

        Raises Forbidden for attributes and properties that are the service's own, and ClaimLost.
        """
        values, changed = dict(set or {}), dict(properties or {})
        for name in sorted(values.keys() - ATTRIBUTES):
            raise Forbidden(f"Attribute '{name}' is not for plugins to set.")
        row = fenced(conn, import_id, claim)
        _put(conn, row.image_id, changed, remove_properties, tags)
        values["updated_at"] = self.now()
        conn.execute(update(images).where(images.c.id == row.image_id).values(values))


def _put(
    conn: Connection,
    image_id: str,
    changed: Mapping[str, str | None],
    removed: Collection[str],
    new_tags: Collection[str] | None,
) -> None:
    properties.refuse_reserved([*changed, *removed])
    properties.remove(conn, image_id, [name for name in removed if name not in changed])
    properties.put(conn, image_id, changed)
    if new_tags is not None:
        tags.replace(conn, image_id, new_tags)


def put_back(conn: Connection, image_id: str, injected: Mapping[str, Any]) -> None:
    """Undo :meth:`ImportChanges.inject`: only properties that still hold what was injected."""
    now = properties.current(conn, image_id, injected.keys())
    ours = {name: had for name, (had, value) in injected.items() if name in now and now[name] == value}
    properties.put(conn, image_id, {name: had[0] for name, had in ours.items() if had is not None})
    properties.remove(conn, image_id, [name for name, had in ours.items() if had is None])
