"""The schemas of the OpenAPI document. What is said of images comes from what requests are checked against."""

from collections.abc import Mapping, Sequence

from glimpse.api import jsonpatch, reserved
from glimpse.api.locating import HASHES, MAX_URL
from glimpse.api.openapi.parts import Part, items, record, ref, text
from glimpse.api.schema import MEMBER_PROPERTIES, TASK_PROPERTIES, TASK_SUMMARY, UUID_PATTERN, Description
from glimpse.api.schemas import LOCATIONS
from glimpse.catalog.records import RESERVED_PREFIX

Schemas = dict[str, Part]

COUNT = {"type": "integer", "minimum": 0}
MAYBE_COUNT = {"type": ["null", "integer"], "minimum": 0}
MAYBE_TEXT = {"type": ["null", "string"]}
OBJECT = {"type": "object"}
MAYBE_OBJECT = {"type": ["null", "object"]}
UUID = text(pattern=UUID_PATTERN)
# Shown where the configuration or the image's state asks for it.
SOMETIMES = frozenset({"direct_url", "stores", "locations"})
EXTRA = text(description="A property of the user's own making.")
ACTIONS = text(enum=list(jsonpatch.OPERATIONS))
RUN_STATES = ["pending", "processing", "success", "failure"]


def image_schemas(properties: Mapping[str, Description], required: Sequence[str]) -> Schemas:
    """Images as they are shown, made and changed; ``properties`` as requests are checked against them,
    ``required`` those of the operator's own that every image needs.
    """
    known: Schemas = dict(properties)
    known["locations"] = LOCATIONS
    closed = dict.fromkeys(sorted(reserved.READ_ONLY | reserved.RESERVED | {"locations"}), False)
    writable = {name: described for name, described in known.items() if name not in closed}
    return {
        "Image": {
            "type": "object",
            "properties": known,
            "required": [name for name in known if name in reserved.BASE and name not in SOMETIMES],
            "additionalProperties": EXTRA,
        },
        "Images": record(
            {"images": items(ref("Image")), "first": text(), "schema": text(), "next": text()}, "next"
        ),
        "ImageCreate": {
            "type": "object",
            "properties": {**writable, **closed},
            "required": list(required),
            "patternProperties": {f"^{RESERVED_PREFIX}": False},
            "additionalProperties": EXTRA,
        },
        "Patch21": items(
            {
                "type": "object",
                "properties": {
                    "op": ACTIONS,
                    "path": text(pattern="^/"),
                    "value": {"description": "What to set; not for remove."},
                },
                "required": ["op", "path"],
            }
        ),
        "Patch20": items(
            {
                "type": "object",
                "properties": {"value": {"description": "What to set; not for remove."}},
                "oneOf": [
                    {"properties": {action: text(pattern="^/")}, "required": [action]}
                    for action in jsonpatch.OPERATIONS
                ],
            }
        ),
    }


def import_schemas(methods: Sequence[str]) -> Schemas:
    """Imports as they are asked for and shown; ``methods`` are those that are enabled."""
    return {
        "ImportRequest": {
            "type": "object",
            "properties": {
                "method": {
                    "type": "object",
                    "properties": {
                        "name": text(enum=list(methods)),
                        "uri": text(description="What web-download fetches.", format="uri"),
                    },
                    "required": ["name"],
                },
                "stores": items(text(), minItems=1, uniqueItems=True),
                "all_stores": {"type": "boolean", "default": False},
                "all_stores_must_succeed": {"type": "boolean", "default": True},
            },
            "required": ["method"],
        },
        "Import": record(
            {
                "id": UUID,
                "image_id": UUID,
                "status": text(enum=RUN_STATES),
                "method": {"type": "object", "properties": {"name": text()}, "required": ["name"]},
                "stores": items(ref("ImportTarget")),
                "phases": items(ref("ImportPhase")),
                "message": text(),
                "error": MAYBE_OBJECT,
                "created_at": text(format="date-time"),
                "updated_at": text(format="date-time"),
            }
        ),
        "ImportTarget": record(
            {
                "store": text(),
                "state": text(enum=["pending", "writing", "committed", "failed"]),
                "url": text(),
                "error": text(),
            },
            "url",
            "error",
        ),
        "ImportPhase": record(
            {
                "name": text(),
                "state": text(),
                "done": COUNT,
                "total": MAYBE_COUNT,
                "started_at": MAYBE_TEXT,
                "finished_at": MAYBE_TEXT,
            }
        ),
        "ImageTask": record(
            {
                "id": UUID,
                "type": text(),
                "status": text(enum=RUN_STATES),
                "owner": MAYBE_TEXT,
                "expires_at": MAYBE_TEXT,
                "created_at": text(),
                "updated_at": text(),
                "deleted_at": MAYBE_TEXT,
                "deleted": {"type": "boolean"},
                "image_id": UUID,
                "request_id": MAYBE_TEXT,
                "user_id": MAYBE_TEXT,
                "input": OBJECT,
                "result": MAYBE_OBJECT,
                "message": MAYBE_TEXT,
            }
        ),
        "ImageTasks": record({"tasks": items(ref("ImageTask"))}),
    }


def sharing_schemas() -> Schemas:
    """Members, locations and tasks."""
    return {
        "Member": record(MEMBER_PROPERTIES),
        "Members": record({"members": items(ref("Member")), "schema": text()}),
        "MemberCreate": record({"member": text(minLength=1, maxLength=255)}, closed=False),
        "MemberUpdate": record({"status": MEMBER_PROPERTIES["status"]}, closed=False),
        "Locations": LOCATIONS,
        "LocationCreate": record(
            {
                "url": text(minLength=1, maxLength=MAX_URL),
                "validation_data": record(
                    {
                        "os_hash_algo": text(enum=list(HASHES)),
                        "os_hash_value": text(pattern="^[0-9A-Fa-f]{32,128}$"),
                    },
                    "os_hash_algo",
                    "os_hash_value",
                ),
            },
            "validation_data",
            closed=False,
        ),
        "Task": record(TASK_PROPERTIES, "expires_at", "image_id", "request_id", "user_id"),
        "Tasks": record(
            {
                "tasks": items(record(TASK_SUMMARY, "expires_at", "image_id", "request_id", "user_id")),
                "first": text(),
                "schema": text(),
                "next": text(),
            },
            "next",
        ),
        "TaskCreate": record({"type": text(), "input": OBJECT}, closed=False),
    }


def service_schemas() -> Schemas:
    """What the service says of itself."""
    store: dict[str, Part] = {
        "id": text(),
        "description": text(),
        "default": text(const="true"),
        "read-only": text(const="true"),
    }
    detail: dict[str, Part] = {**store, "type": text(), "weight": {"type": "integer"}, "properties": OBJECT}
    usage = record({"usage": {"type": "integer"}, "limit": {"type": "integer"}})
    return {
        "Error": record(
            {
                "message": text(description="What is wrong and what to do about it; for people."),
                "code": text(description="The status code with its words."),
                "title": text(),
            }
        ),
        "ImportMethods": record(
            {"import-methods": record({"description": text(), "type": text(), "value": items(text())})}
        ),
        "Stores": record({"stores": items(record(store, "description", "default", "read-only"))}),
        "StoresDetail": record({"stores": items(record(detail, "description", "default", "read-only"))}),
        "Usage": record({"usage": {"type": "object", "additionalProperties": usage}}),
        "Schema": record({"name": text(), "properties": OBJECT}, closed=False),
    }
