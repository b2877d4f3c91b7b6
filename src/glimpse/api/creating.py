"""From the body of a create request to an image to be."""

from collections.abc import Mapping

from glimpse.access.caller import Caller
from glimpse.api import reserved, schema
from glimpse.api.customs import ImageSchema
from glimpse.catalog.records import NewImage
from glimpse.errors import Forbidden

TEXTS = ("id", "name", "disk_format", "container_format")


def new_image(body: Mapping[str, object], described: ImageSchema, caller: Caller) -> NewImage:
    """The image that ``body`` asks for. Raises Forbidden for names that no client may write, Invalid for
    values.
    """
    for name in body:
        if name in reserved.READ_ONLY and name not in reserved.CHECKED_FIRST:
            reserved.refuse_read_only(name)
    for name, value in body.items():
        if name in described.properties:
            schema.check(name, value, described.properties[name])
        elif name != "locations":
            schema.check_extra(name, value)
    described.refuse_missing(body.keys())
    for name in body:
        reserved.refuse_read_only(name)
        reserved.refuse_reserved(name)
        if name == "locations":
            raise Forbidden("The attribute locations is reserved.")
    owner = body.get("owner", caller.project_id)
    tags = body.get("tags")
    texts = {name: str(value) for name in TEXTS if (value := body.get(name)) is not None}
    return NewImage(
        id=texts.get("id"),
        name=texts.get("name"),
        disk_format=texts.get("disk_format"),
        container_format=texts.get("container_format"),
        visibility=str(body.get("visibility", "shared")),
        owner=None if owner is None else str(owner),
        min_disk=_number(body.get("min_disk")),
        min_ram=_number(body.get("min_ram")),
        protected=body.get("protected") is True,
        os_hidden=body.get("os_hidden") is True,
        properties={
            name: schema.stored(name, value) for name, value in body.items() if name not in reserved.BASE
        },
        tags=tuple(sorted({str(tag) for tag in tags})) if isinstance(tags, list) else (),
    )


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
