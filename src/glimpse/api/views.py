"""From a record to what clients see, in the key order they have always seen."""

import datetime
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from glimpse.api.customs import ImageSchema
from glimpse.catalog.records import Image, Location

# Where a staged upload waits is nobody's business but ours.
HIDDEN = frozenset({"os_glance_stage_host", "os_glance_hash_op_host"})
# Under this name the metadata of a location says in which store it is, where there are several.
STORE = "store"


def timestamp(moment: datetime.datetime) -> str:
    """UTC to the second, as the Image API writes times."""
    return moment.isoformat(timespec="seconds")[:19] + "Z"


@dataclass(frozen=True, slots=True)
class ImageView:
    """How image records are shown, as configured."""

    multi_store: bool
    show_locations: bool
    show_direct_url: bool
    weights: Mapping[str, int]
    schema: ImageSchema = field(default_factory=ImageSchema)

    def render(
        self, image: Image, *, admin: bool = False, unreadable: Collection[str] = ()
    ) -> dict[str, object]:
        """The image as clients see it, without the properties that are ``unreadable``.

        Where the data of a deactivated image is, is shown to an ``admin`` only.
        """
        shown: dict[str, object] = {
            name: "" if value is None else value
            for name, value in image.properties.items()
            if name not in HIDDEN and name not in unreadable
        }
        if image.import_id is not None:
            shown["os_glance_import_task"] = image.import_id
        for name in self.schema.custom & shown.keys():
            shown[name] = self.schema.shown(name, image.properties[name])
        shown.update(
            name=image.name,
            disk_format=image.disk_format,
            container_format=image.container_format,
            visibility=image.visibility,
            size=image.size,
            virtual_size=image.virtual_size,
            status=image.status,
            checksum=image.checksum,
            protected=image.protected,
            min_ram=image.min_ram,
            min_disk=image.min_disk,
            owner=image.owner,
            os_hidden=image.os_hidden,
            os_hash_algo=image.os_hash_algo,
            os_hash_value=image.os_hash_value,
            id=image.id,
            created_at=timestamp(image.created_at),
            updated_at=timestamp(image.updated_at),
        )
        hidden = image.status == "deactivated" and not admin
        if self.show_locations:
            shown["locations"] = [] if hidden else self.locations(image)
        if self.show_direct_url and image.locations and not hidden:
            shown["direct_url"] = self.by_weight(image)[0].url
        path = f"/v2/images/{image.id}"
        shown.update(tags=list(image.tags), self=path, file=f"{path}/file", schema="/v2/schemas/image")
        if self.multi_store:
            stores = [where.store for where in image.locations if where.store]
            if stores:
                shown["stores"] = ",".join(stores)
        return shown

    def locations(self, image: Image) -> list[dict[str, object]]:
        """Where the image's data is, the preferred stores first."""
        return [{"url": where.url, "metadata": self._metadata(where)} for where in self.by_weight(image)]

    def by_weight(self, image: Image) -> list[Location]:
        """The image's locations, those in the preferred stores first."""
        return sorted(image.locations, key=lambda where: -self.weights.get(where.store or "", 0))

    def _metadata(self, where: Location) -> dict[str, object]:
        named = {STORE: where.store} if self.multi_store and where.store else {}
        return {**where.metadata, **named}
