"""``action_wrapper``: the image being imported, changed in a ``with`` block that saves at its end."""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, NoReturn

from glimpse.catalog.records import RESERVED_PREFIX
from glimpse.errors import Forbidden
from glimpse.imports.plugins.thirdparty.image import PluginImage
from glimpse.imports.plugins.thirdparty.repos import Bound

log = logging.getLogger(__name__)

SETTABLE = frozenset({"status", "disk_format", "container_format", "virtual_size", "size"})


class ActionWrapper:
    """``with action_wrapper as action``: the import's image, read at the beginning and saved at the end of the block.

    Nothing is saved when the block raises, or when another conductor has taken the import over (ClaimLost).
    """

    def __init__(self, image_id: str, plugin: str, bound: Bound) -> None:
        self._image_id = image_id
        self._plugin = plugin
        self._bound = bound
        self._image: PluginImage | None = None

    @property
    def image_id(self) -> str:
        """The image that is imported."""
        return self._image_id

    def __enter__(self) -> Action:
        self._image = self._bound.load()
        return Action(self._image, self._plugin)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        image, self._image = self._image, None
        if kind is None and image is not None:
            self._bound.save(image)

    def assert_task_lock(self) -> None:
        """Raise ClaimLost where the import is another conductor's, or the image is gone."""
        self._bound.check()

    def drop_lock_for_task(self) -> NoReturn:
        """The lock is the import record; it goes when the import ends."""
        raise Forbidden("A plugin cannot drop the import's lock.")


class Action:
    """What may be seen of the image, and done to it, inside the block."""

    def __init__(self, image: PluginImage, plugin: str) -> None:
        self._image = image
        self._plugin = plugin

    @property
    def image_id(self) -> str:
        """The image's id."""
        return self._image.image_id

    @property
    def image_size(self) -> int | None:
        """Bytes of the file at this point of the import."""
        return self._image.size

    @property
    def image_locations(self) -> list[dict[str, Any]]:
        """A copy of its locations, of which there are none before the data is stored."""
        return copy.deepcopy(self._image.locations)

    @property
    def image_disk_format(self) -> str | None:
        """The format of the data at this point of the import."""
        return self._image.disk_format

    @property
    def image_container_format(self) -> str | None:
        """The container around it at this point of the import."""
        return self._image.container_format

    @property
    def image_extra_properties(self) -> dict[str, Any]:
        """A copy of its properties."""
        return dict(self._image.extra_properties)

    @property
    def image_status(self) -> str:
        """``importing``."""
        return self._image.status

    def set_image_attribute(self, **attributes: Any) -> None:
        """Set formats and ``virtual_size``; the ``size`` is counted, and the ``status`` set, by the import itself.

        Raises AttributeError for anything else.
        """
        for name in sorted(attributes.keys() - SETTABLE):
            raise AttributeError(f"Setting {name} is not supported")
        if attributes.pop("status", self._image.status) != self._image.status:
            log.warning("Plugin %s: the status of an image is set by the import alone.", self._plugin)
        for name, value in attributes.items():
            setattr(self._image, name, value)

    def set_image_extra_properties(self, properties: Mapping[str, Any]) -> None:
        """Set these properties beside those that are there; names that begin with os_glance are left out."""
        for name, value in properties.items():
            if name.startswith(RESERVED_PREFIX):
                log.warning("Plugin %s: property %s is reserved and not set.", self._plugin, name)
            else:
                self._image.extra_properties[name] = value

    def pop_extra_property(self, name: str) -> None:
        """Remove the property, if it is there."""
        self._image.extra_properties.pop(name, None)

    def add_importing_stores(self, stores: Sequence[str]) -> None:
        """Nothing: both lists of stores always say what the import does."""

    def remove_importing_stores(self, stores: Sequence[str]) -> None:
        """Nothing, as above."""

    def add_failed_stores(self, stores: Sequence[str]) -> None:
        """Nothing, as above."""

    def remove_failed_stores(self, stores: Sequence[str]) -> None:
        """Nothing, as above."""

    def remove_location_for_store(self, backend: str) -> None:
        """Nothing: locations come after all plugins, and go with the import that made them."""

    def set_image_data(self, *args: Any, **kwargs: Any) -> NoReturn:
        """The data is what ``file_path`` names."""
        raise Forbidden(
            "A plugin cannot store data itself.", hint="Provide 'file_path' instead; the import stores it."
        )
