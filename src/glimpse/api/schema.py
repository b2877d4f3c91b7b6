"""What the properties of an image may be: one description, used to check requests and to be shown to clients.

The form is the part of JSON schema that the Image API shows under ``/v2/schemas/image``: type, enum,
maxLength, minimum, maximum, pattern, items. The checker reads the same description; a general validator takes
30 times as long and names errors worse.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Final

from glimpse.api.jsonbody import check_text
from glimpse.errors import Invalid

Description = Mapping[str, object]

UUID_PATTERN = "^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$"
UUID: Final = re.compile(UUID_PATTERN)

STATUSES = (
    "queued", "saving", "active", "killed", "deleted", "uploading", "importing", "pending_delete",
    "deactivated",
)  # fmt: skip
VISIBILITIES = ("community", "public", "private", "shared")
MAX_INT = 2**31 - 1
MAX_KEY = 255
MAX_VALUE = 65_535

TYPES: Mapping[str, type | tuple[type, ...]] = {
    "null": type(None),
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "array": list,
    "object": dict,
}


TAG: Description = {"type": "string", "maxLength": 255}
TIME: Description = {"type": "string", "readOnly": True}
MEMBER_STATUSES = ("pending", "accepted", "rejected")
MEMBER_PROPERTIES: Mapping[str, Description] = {
    "created_at": TIME,
    "image_id": {"type": "string", "pattern": UUID_PATTERN},
    "member_id": {"type": "string", "maxLength": 255},
    "schema": {"type": "string", "readOnly": True},
    "status": {"type": "string", "enum": list(MEMBER_STATUSES)},
    "updated_at": TIME,
}
TASK_TYPES = ("import", "api_image_import", "location_import")
TASK_STATUSES = ("pending", "processing", "success", "failure")
# Of a task in a listing.
TASK_SUMMARY: Mapping[str, Description] = {
    "id": {"type": "string", "pattern": UUID_PATTERN},
    "type": {"type": "string", "enum": list(TASK_TYPES)},
    "status": {"type": "string", "enum": list(TASK_STATUSES)},
    "owner": {"type": ["null", "string"]},
    "created_at": TIME,
    "updated_at": TIME,
    "expires_at": {"type": ["null", "string"], "readOnly": True},
    "self": {"type": "string", "readOnly": True},
    "schema": {"type": "string", "readOnly": True},
    "image_id": {"type": ["null", "string"]},
    "request_id": {"type": ["null", "string"]},
    "user_id": {"type": ["null", "string"]},
}
TASK_PROPERTIES: Mapping[str, Description] = {
    **TASK_SUMMARY,
    "input": {"type": ["null", "object"]},
    "result": {"type": ["null", "object"], "readOnly": True},
    "message": {"type": ["null", "string"], "readOnly": True},
}


def image_properties(disk_formats: Sequence[str], container_formats: Sequence[str]) -> dict[str, Description]:
    """The attributes that every image has."""
    text: Description = {"type": ["null", "string"], "maxLength": 255}
    positive: Description = {"type": "integer", "minimum": 0, "maximum": MAX_INT}
    return {
        "id": {"type": "string", "pattern": UUID_PATTERN},
        "name": text,
        "status": {"type": "string", "enum": list(STATUSES), "readOnly": True},
        "visibility": {"type": "string", "enum": list(VISIBILITIES)},
        "protected": {"type": "boolean"},
        "os_hidden": {"type": "boolean"},
        "checksum": {"type": ["null", "string"], "maxLength": 32, "readOnly": True},
        "os_hash_algo": {"type": ["null", "string"], "maxLength": 64, "readOnly": True},
        "os_hash_value": {"type": ["null", "string"], "maxLength": 128, "readOnly": True},
        "owner": text,
        "size": {"type": ["null", "integer"], "readOnly": True},
        "virtual_size": {"type": ["null", "integer"], "readOnly": True},
        "container_format": {"type": ["null", "string"], "enum": [None, *container_formats]},
        "disk_format": {"type": ["null", "string"], "enum": [None, *disk_formats]},
        "created_at": {"type": "string", "readOnly": True},
        "updated_at": {"type": "string", "readOnly": True},
        "tags": {"type": "array", "items": TAG},
        "direct_url": {"type": "string", "readOnly": True},
        "min_ram": positive,
        "min_disk": positive,
        "self": {"type": "string", "readOnly": True},
        "file": {"type": "string", "readOnly": True},
        "schema": {"type": "string", "readOnly": True},
        "stores": {"type": "string", "readOnly": True},
    }


def check(name: str, value: object, description: Description) -> None:
    """Raise Invalid, naming the property, when its value does not fit its description."""
    names = kinds(description)
    if names and not any(_is(value, kind) for kind in names):
        raise Invalid(f"The property {name} must be {' or '.join(names)}.")
    enum = description.get("enum")
    if isinstance(enum, list) and value not in enum:
        allowed = ", ".join("null" if choice is None else str(choice) for choice in enum)
        raise Invalid(f"The property {name} must be one of: {allowed}.")
    if isinstance(value, str):
        _check_string(name, value, description)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        _check_number(name, value, description)
    elif isinstance(value, list):
        items = description.get("items")
        if isinstance(items, dict):
            for item in value:
                check(name, item, items)


def kinds(description: Description) -> list[str]:
    """The names of the types that a description allows; none where it allows all."""
    types = description.get("type")
    if isinstance(types, str):
        return [types]
    return [str(kind) for kind in types] if isinstance(types, list) else []


def stored(name: str, value: object) -> str | None:
    """The text by which a property's value is kept. Raises Invalid when it is too long."""
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    # What fits every database's TEXT.
    if len(text.encode(errors="surrogatepass")) > MAX_VALUE:
        raise Invalid(f"The property {name[:100]} is longer than {MAX_VALUE} bytes.")
    check_text(text, f"the property {name[:100]}")
    return text


def check_extra(name: str, value: object) -> None:
    """Raise Invalid unless this is a property of the user's own making: text that can be stored."""
    check_name(name)
    if not isinstance(value, str):
        raise Invalid(f"The property {name[:100]} must be a string.")
    stored(name, value)


def check_name(name: str) -> None:
    """Raise Invalid unless a property may have this name."""
    if not name or len(name) > MAX_KEY:
        raise Invalid(f"The name of a property must have 1 to {MAX_KEY} characters.")
    check_text(name, "the name of a property")


def _is(value: object, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, TYPES[kind])


def _check_string(name: str, value: str, description: Description) -> None:
    check_text(value, f"the property {name}")
    longest = description.get("maxLength")
    if isinstance(longest, int) and len(value) > longest:
        raise Invalid(f"The property {name} may have {longest} characters; this has {len(value)}.")
    pattern = description.get("pattern")
    # A newline at the end would pass by a "$".
    if isinstance(pattern, str) and (re.search(pattern, value) is None or value.endswith("\n")):
        raise Invalid(f"The property {name} has not the right form: {value[:100]}")


def _check_number(name: str, value: int | float, description: Description) -> None:
    # An integer may have more digits than a float can take, and then cannot even be asked.
    if isinstance(value, float) and not math.isfinite(value):
        raise Invalid(f"The property {name} is too large.")
    least, most = description.get("minimum"), description.get("maximum")
    if isinstance(least, int | float) and value < least:
        raise Invalid(f"The property {name} must be at least {least}.")
    if isinstance(most, int | float) and value > most:
        raise Invalid(f"The property {name} must be at most {most}.")
