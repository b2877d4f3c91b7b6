"""Data that lies somewhere already and becomes an image's: usable at once, hashed afterwards."""

from collections.abc import Mapping

from sqlalchemy import Connection, update

from glimpse.catalog.ends import ATTRIBUTES
from glimpse.catalog.fence import fenced
from glimpse.catalog.repository import Repository, writes_again
from glimpse.catalog.tables import images
from glimpse.errors import Forbidden


class Registrations(Repository):
    """The imports whose data is not delivered but only named (their method is REGISTRATION)."""

    @writes_again
    def activate(
        self, conn: Connection, import_id: str, claim: int, attributes: Mapping[str, object]
    ) -> None:
        """The image is active while its import goes on; ``attributes`` are what is known about its data by now.

        Repeating it is harmless. Raises ClaimLost.
        """
        for name in sorted(attributes.keys() - ATTRIBUTES):
            raise Forbidden(f"Attribute '{name}' is not for imports to set.")
        row = fenced(conn, import_id, claim)
        if row.image_status == "importing":
            values = {**attributes, "status": "active", "updated_at": self.now()}
            conn.execute(update(images).where(images.c.id == row.image_id).values(values))
