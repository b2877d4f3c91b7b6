"""One tag more or less: two users who tag an image at once both find their tags on it."""

from collections.abc import Callable, Collection

from sqlalchemy import Connection, delete, false, insert, select, update

from glimpse.catalog.repository import Repository, writes, writes_again
from glimpse.catalog.tables import image_tags as table
from glimpse.catalog.tables import images
from glimpse.errors import NotFound


class Tagging(Repository):
    """Tags of images, one by one."""

    @writes_again
    def add(
        self, conn: Connection, image_id: str, tag: str, check: Callable[[Collection[str]], None]
    ) -> None:
        """Give the image this tag; one that it has already stays.

        ``check`` sees all the tags that it would have and raises where these are too many. Raises NotFound.
        """
        tags = self._held(conn, image_id)
        if tag in tags:
            return
        check({*tags, tag})
        conn.execute(insert(table).values(image_id=image_id, tag=tag))

    @writes
    def remove(self, conn: Connection, image_id: str, tag: str) -> None:
        """Take this tag from the image. Raises NotFound where it has none such."""
        if tag not in self._held(conn, image_id):
            raise NotFound(f"Image {image_id} has no tag {tag[:100]!r}.")
        conn.execute(delete(table).where(table.c.image_id == image_id, table.c.tag == tag))

    def _held(self, conn: Connection, image_id: str) -> set[str]:
        """The image's tags, its row changed and so locked until the end of the transaction."""
        alive = update(images).where(images.c.id == image_id, images.c.deleted == false())
        if not conn.execute(alive.values(updated_at=self.now())).rowcount:
            raise NotFound(f"No image found with ID {image_id}")
        return set(conn.execute(select(table.c.tag).where(table.c.image_id == image_id)).scalars())
