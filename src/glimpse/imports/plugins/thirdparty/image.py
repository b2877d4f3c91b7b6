"""The image as plugins see it: attributes to read and set, and what of that is saved."""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from glimpse.catalog.records import RESERVED_PREFIX, Image
from glimpse.imports.run import Declared, ImportRun

log = logging.getLogger(__name__)

# Kept in the catalog at once.
SAVED = ("name", "visibility", "protected", "os_hidden", "min_disk", "min_ram")
# Facts about the data: they go with it through the rest of the plan, and become the image's when it is stored.
OF_DATA = ("disk_format", "container_format", "virtual_size")


@dataclass
class PluginImage:
    """An image, to be changed freely; only :meth:`ImageRepo.save` or the end of ``with action_wrapper`` saves it."""

    image_id: str
    status: str
    owner: str | None
    checksum: str | None
    os_hash_algo: str | None
    os_hash_value: str | None
    size: int | None
    created_at: datetime
    updated_at: datetime
    locations: list[dict[str, Any]]
    name: str | None
    visibility: str
    protected: bool
    os_hidden: bool
    min_disk: int
    min_ram: int
    disk_format: str | None
    container_format: str | None
    virtual_size: int | None
    tags: set[str]
    extra_properties: dict[str, Any]
    _before: dict[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self._before = copy.deepcopy(self._facts())

    def changes(self) -> dict[str, Any]:
        """The attributes that have another value than when the image was read."""
        return {name: value for name, value in self._facts().items() if value != self._before[name]}

    def properties_before(self) -> Mapping[str, Any]:
        """The properties as they were when the image was read."""
        before: Mapping[str, Any] = self._before["extra_properties"]
        return before

    def saved(self) -> None:
        """What it is now is what is saved."""
        self._before = copy.deepcopy(self._facts())

    def _facts(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}


def read(run: ImportRun, image: Image, size: int | None) -> PluginImage:
    """``image``, with the facts about its data as they are at this point of the import."""
    mine = image.id == run.image_id
    formats = run.declared if mine else Declared(image.disk_format, image.container_format)
    return PluginImage(
        image_id=image.id,
        status=image.status,
        owner=image.owner,
        checksum=image.checksum,
        os_hash_algo=image.os_hash_algo,
        os_hash_value=image.os_hash_value,
        size=size if mine else image.size,
        created_at=image.created_at,
        updated_at=image.updated_at,
        locations=[{"url": each.url, "metadata": dict(each.metadata)} for each in image.locations],
        name=image.name,
        visibility=image.visibility,
        protected=image.protected,
        os_hidden=image.os_hidden,
        min_disk=image.min_disk,
        min_ram=image.min_ram,
        disk_format=formats.disk_format,
        container_format=formats.container_format,
        virtual_size=_number(run.state.get("virtual_size")) if mine else image.virtual_size,
        tags=set(image.tags),
        extra_properties=dict(image.properties),
    )


def save(run: ImportRun, plugin: str, image: PluginImage) -> None:
    """Write what has changed since the image was read, on behalf of the import. Raises ClaimLost."""
    changed = image.changes()
    properties = changed.pop("extra_properties", image.properties_before())
    before = image.properties_before()
    put = {
        key: _text(value) for key, value in properties.items() if key not in before or before[key] != value
    }
    gone = [key for key in before if key not in properties]
    for key in [key for key in [*put, *gone] if key.startswith(RESERVED_PREFIX)]:
        log.warning("Plugin %s: property %s is reserved and stays as it is.", plugin, key)
        put.pop(key, None)
    gone = [key for key in gone if not key.startswith(RESERVED_PREFIX)]
    tags = changed.pop("tags", None)
    values = {name: changed.pop(name) for name in SAVED if name in changed}
    facts = {name: changed.pop(name) for name in OF_DATA if name in changed}
    changed.pop("size", None)  # It is counted when the data is stored.
    if changed:
        log.warning("Plugin %s: %s of an image is not for plugins to set.", plugin, ", ".join(changed))
    if values or put or gone or tags is not None:
        run.resources.catalog.imports.change(
            run.id, run.claim, set=values, properties=put, remove_properties=gone, tags=tags
        )
    if facts:
        run.note(virtual_size=facts.get("virtual_size", run.state.get("virtual_size")))
        run.declare(Declared(image.disk_format, image.container_format))
    image.saved()


def _text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else str(value)


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None
