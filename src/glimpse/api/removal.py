"""What remains of a deleted image, and how it goes."""

import logging

from glimpse.catalog.records import Deleted
from glimpse.errors import GlimpseError
from glimpse.staging.area import Area
from glimpse.stores.registry import Stores

LOG = logging.getLogger(__name__)


def remove_data(stores: Stores, area: Area, deleted: Deleted) -> None:
    """Remove the objects and the staged file of an image that the catalog no longer has.

    The image is gone for everybody already, so what cannot be removed now is logged, not told to the client.
    """
    for where in deleted.locations:
        if where.store is None or where.store not in stores:
            continue
        try:
            stores.get(where.store).delete(where.url)
        except GlimpseError as error:
            LOG.warning(
                "Data of deleted image %s stays in store %s: %s", deleted.image_id, where.store, error.message
            )
    area.remove(deleted.image_id)
