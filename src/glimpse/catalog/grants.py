"""What running imports were granted of their image's owner's limits."""

from sqlalchemy import Connection, update

from glimpse.catalog.admission import Admission, admitted
from glimpse.catalog.fence import fenced
from glimpse.catalog.repository import Repository, writes_again
from glimpse.catalog.tables import imports


class ImportGrants(Repository):
    """The part of :class:`Imports` that asks for room for what is delivered."""

    @writes_again
    def reserve(self, conn: Connection, import_id: str, claim: int, admission: Admission) -> None:
        """Have the import be granted this instead of what it was before. Raises ClaimLost, what the judge does."""
        granted = admitted(conn, admission)
        fenced(conn, import_id, claim)
        conn.execute(update(imports).where(imports.c.id == import_id).values(reserved=granted))
