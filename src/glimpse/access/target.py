"""What a policy rule may ask of an image: ``%(owner)s``, ``%(visibility)s``, any property of its own."""

from collections.abc import Iterator, Mapping

from glimpse.catalog.records import Image, ImportRecord, NewImage, task_type

# Names that operators' rules use for the attributes on the right.
ALIASES = {"project_id": "owner", "tenant": "owner", "image_id": "id"}
ATTRIBUTES = frozenset({
    "id", "name", "status", "visibility", "protected", "os_hidden", "checksum", "os_hash_algo",
    "os_hash_value", "owner", "size", "virtual_size",
    "disk_format", "container_format", "min_disk", "min_ram", "created_at",
    "updated_at", "tags",
})  # fmt: skip


class ImageTarget(Mapping[str, object]):
    """An image record, read by attribute name; made for each check, so it copies nothing."""

    __slots__ = ("_image", "_member")

    def __init__(self, image: Image, member: str | None = None) -> None:
        self._image = image
        self._member = member

    def __getitem__(self, key: str) -> object:
        key = ALIASES.get(key, key)
        if key in ATTRIBUTES:
            value: object = getattr(self._image, key)
            return value
        if key in ("member", "member_id"):
            return self._member
        return self._image.properties[key]

    def __iter__(self) -> Iterator[str]:
        yield from sorted(ATTRIBUTES | ALIASES.keys() | {"member", "member_id"})
        yield from self._image.properties

    def __len__(self) -> int:
        return sum(1 for _ in self)


def image_target(image: Image, member: str | None = None) -> Mapping[str, object]:
    """The target of an operation on one image; ``member`` where it is about one of its members."""
    return ImageTarget(image, member)


def new_image_target(new: NewImage) -> Mapping[str, object]:
    """The target of making an image: all that a rule may ask of one that is there. What it will only get later is
    None, and so is an id that it did not ask for.
    """
    known = {name: getattr(new, name, None) for name in ATTRIBUTES} | {"status": "queued"}
    aliases = {alias: known[name] for alias, name in ALIASES.items()}
    # Attributes last, as in an image: a property cannot pass itself off as one.
    return {**new.properties, **known, **aliases, "member": None, "member_id": None}


def project_target(project: str | None) -> Mapping[str, object]:
    """The target of an operation that is not about one image, such as a listing, done for this project."""
    return {"project_id": project, "owner": project}


def task_target(task: ImportRecord) -> Mapping[str, object]:
    """The target of an operation on one task."""
    return {
        "id": task.id,
        "type": task_type(task.method),
        "status": task.status,
        "owner": task.owner,
        "project_id": task.owner,
        "user_id": task.user_id,
        "image_id": task.image_id,
    }
