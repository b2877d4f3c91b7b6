"""``image_repo``, ``image_factory`` and ``task_repo``, as far as an import plugin needs them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from glimpse.catalog.records import Image, NewImage, Viewer
from glimpse.errors import ClaimLost, Forbidden, NotFound
from glimpse.imports.plugins.thirdparty import image as images
from glimpse.imports.plugins.thirdparty.context import Context
from glimpse.imports.plugins.thirdparty.image import PluginImage
from glimpse.imports.run import ImportRun


class Bound:
    """What belongs to one import, and is void when another conductor has taken that over."""

    def __init__(self, run: ImportRun, plugin: str, size: int | None) -> None:
        self._run = run
        self._plugin = plugin
        self._size = size

    def load(self) -> PluginImage:
        """The import's image. Raises ClaimLost."""
        return images.read(self._run, self.check(), self._size)

    def check(self) -> Image:
        """The import's image as it stands. Raises ClaimLost where this conductor holds the import no more."""
        run = self._run
        try:
            image = run.image()
        except NotFound as error:
            raise self._lost("The image is gone.") from error
        if image.import_id != run.id or image.claim != run.claim:
            raise self._lost(f"Claim {run.claim} on import {run.id} is void: it was taken over.")
        return image

    def save(self, image: PluginImage) -> None:
        """Write what has changed. Raises ClaimLost."""
        try:
            images.save(self._run, self._plugin, image)
        except ClaimLost as lost:
            self._run.stop.set(lost)
            raise

    def _lost(self, message: str) -> ClaimLost:
        lost = ClaimLost(message)
        self._run.stop.set(lost)
        return lost


class ImageRepo:
    """Images that the caller sees. Only the one that is being imported can be changed."""

    def __init__(self, run: ImportRun, bound: Bound, context: Context) -> None:
        self._run = run
        self._bound = bound
        self._viewer = Viewer(context.project_id, context.is_admin)

    def get(self, image_id: str) -> PluginImage:
        """The image as it is now. Raises NotFound."""
        if image_id == self._run.image_id:
            return self._bound.load()
        image = self._run.resources.catalog.images.get(image_id, self._viewer)
        return images.read(self._run, image, image.size)

    def save(self, image: PluginImage, from_state: str | None = None) -> None:
        """Write what has changed since :meth:`get`. ``from_state`` is what it is anyway: importing."""
        if image.image_id != self._run.image_id:
            raise Forbidden(f"A plugin may only change the image that is imported, not {image.image_id}.")
        self._bound.save(image)

    def add(self, image: NewImage) -> None:
        """Create an image that :class:`ImageFactory` made. Raises Conflict where its id is taken, ClaimLost."""
        self._bound.check()
        self._run.resources.catalog.images.create(image)


class ImageFactory:
    """Makes images for :meth:`ImageRepo.add`, owned by the caller."""

    def __init__(self, context: Context) -> None:
        self._owner = context.owner

    def new_image(self, image_id: str | None = None, **values: Any) -> NewImage:
        """An image with the given attributes, ``extra_properties`` and ``tags``."""
        properties = values.pop("extra_properties", None) or {}
        tags = tuple(values.pop("tags", None) or ())
        return NewImage(id=image_id, properties=properties, tags=tags, **{"owner": self._owner, **values})


@dataclass(frozen=True)
class PluginTask:
    """The import's task."""

    task_id: str
    type: str
    status: str
    owner: str | None
    image_id: str
    request_id: str | None
    user_id: str | None
    task_input: dict[str, Any]
    message: str


class TaskRepo:
    """The task of this import; it is changed by the import alone."""

    def __init__(self, run: ImportRun, task_type: str) -> None:
        self._run = run
        self._type = task_type

    def get(self, task_id: str) -> PluginTask:
        """The task as it is now. Raises NotFound for any other."""
        if task_id != self._run.id:
            raise NotFound(f"Task {task_id} is not that of this import.")
        record = self._run.resources.catalog.imports.get(task_id)
        return PluginTask(
            task_id=record.id,
            type=self._type,
            status=record.status,
            owner=record.owner,
            image_id=record.image_id,
            request_id=record.request_id,
            user_id=record.user_id,
            task_input={"image_id": record.image_id, "import_req": dict(record.request)},
            message=record.message,
        )
