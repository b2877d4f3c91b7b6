"""What is documented of images: create, list, show, update, delete."""

from glimpse.api import paging
from glimpse.api.jsonpatch import V20, V21
from glimpse.api.openapi.parts import Answer, Described, Part, body, items, json, nothing, query, ref, text
from glimpse.api.schema import STATUSES, VISIBILITIES

WORD = text()
TIME = "A time in ISO 8601, or with an operator before it: `gt:`, `gte:`, `lt:`, `lte:`, `eq:`, `neq:`."
CHOICE = "A value, `eq:` and a value, or `in:` and values with commas between them."

PAGE = (
    query("limit", "Most images on this page.", {"type": "integer", "minimum": 0}),
    query("marker", "The id of the image after which this page begins.", text(format="uuid")),
)
ORDER = (
    query("sort", "Keys with a direction each: `name:asc,created_at:desc`.", WORD),
    query("sort_key", "A key to sort by.", items(text(enum=list(paging.SORT_KEYS))), explode=True),
    query("sort_dir", "One direction, or one for each key.", items(text(enum=list(paging.DIRECTIONS)))),
)
NUMBERS = {
    "size": "of so many bytes",
    "virtual_size": "whose disk has so many bytes",
    "min_ram": "that need so many MiB of memory",
    "min_disk": "that need so many GiB of disk",
}


def bounds(name: str, what: str) -> tuple[Part, ...]:
    """The filters by a number: exactly, at least, at most."""
    number = {"type": "integer"}
    return (
        query(name, f"Only images {what}.", number),
        query(f"{name}_min", f"Only images {what} at least.", number),
        query(f"{name}_max", f"Only images {what} at most.", number),
    )


FILTERS = (
    query("name", f"Only images of this name. {CHOICE}", WORD),
    query("id", f"Only this image. {CHOICE}", WORD),
    query("status", f"Only images in this status ({', '.join(STATUSES)}). {CHOICE}", WORD),
    query("container_format", f"Only images of this container format. {CHOICE}", WORD),
    query("disk_format", f"Only images of this disk format. {CHOICE}", WORD),
    query("owner", "Only images of this project.", WORD),
    query("visibility", "Only images of this visibility.", text(enum=[*VISIBILITIES, "all"])),
    query(
        "member_status",
        "Which images that others share with the caller are listed.",
        text(enum=list(paging.MEMBER_STATUSES), default="accepted"),
    ),
    query("protected", "Only images that are protected, or not.", text(enum=["true", "false"])),
    query("os_hidden", "Hidden images instead of the others.", text(enum=["true", "false"])),
    query("tag", "Only images that have this tag; may be repeated.", items(WORD), explode=True),
    *(part for name, what in NUMBERS.items() for part in bounds(name, what)),
    query("created_at", f"Only images created then. {TIME}", WORD),
    query("updated_at", f"Only images changed then. {TIME}", WORD),
    query("checksum", "Only images with this checksum.", WORD),
    query("os_hash_value", "Only images with this hash.", WORD),
    query(
        "properties",
        "Any other name is a property that listed images have, with this value.",
        {"type": "object", "additionalProperties": {"type": "string"}},
        style="form",
        explode=True,
    ),
)

PATCHES = {V21: {"schema": ref("Patch21")}, V20: {"schema": ref("Patch20")}}

OPERATIONS = {
    "POST /v2/images": Described(
        {
            201: Answer(
                "The image.",
                json("Image"),
                ("Location", "OpenStack-image-import-methods", "OpenStack-image-store-ids"),
            )
        },
        (403, 409, 413),
        body=body(json("ImageCreate")),
    ),
    "GET /v2/images": Described(
        {200: Answer("A page of images.", json("Images"))}, (403,), (*PAGE, *ORDER, *FILTERS)
    ),
    "GET /v2/images/{image_id}": Described({200: Answer("The image.", json("Image"))}, (404,)),
    "PATCH /v2/images/{image_id}": Described(
        {200: Answer("The image as it is now.", json("Image"))},
        (403, 404, 409, 413, 415),
        body=body(PATCHES),
    ),
    "DELETE /v2/images/{image_id}": Described(nothing("The image is gone."), (403, 404, 409)),
}
