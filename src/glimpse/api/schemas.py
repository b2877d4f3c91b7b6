"""JSON schemas of what this service takes and gives, made of the descriptions by which requests are checked.

Clients download the image's schema before they create or change one, and check against it themselves.
"""

from collections.abc import Mapping, Sequence

from starlette.requests import Request
from starlette.responses import Response

from glimpse.api import jsonbody
from glimpse.api.context import context_of
from glimpse.api.customs import ImageSchema
from glimpse.api.jsonbody import answer
from glimpse.api.operation import operations
from glimpse.api.schema import MEMBER_PROPERTIES, TASK_PROPERTIES, TASK_SUMMARY

router = operations("schemas")

Document = dict[str, object]
DESCRIBED_BY: Mapping[str, str] = {"rel": "describedby", "href": "{schema}"}
# What a location may say. Shown with every image's schema, whether or not locations are.
LOCATIONS: Mapping[str, object] = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "url": {"type": "string", "maxLength": 255},
            "metadata": {"type": "object"},
            "validation_data": {
                "type": "object",
                "properties": {
                    "checksum": {"type": "string", "minLength": 32, "maxLength": 32},
                    "os_hash_algo": {"type": "string", "maxLength": 64},
                    "os_hash_value": {"type": "string", "maxLength": 128},
                },
                "required": ["os_hash_algo", "os_hash_value"],
                "additionalProperties": False,
            },
        },
        "required": ["url", "metadata"],
    },
}


def image(described: ImageSchema) -> Document:
    """An image: further properties are the users' own, and text."""
    document: Document = {
        "name": "image",
        "properties": {**described.properties, "locations": LOCATIONS},
        "additionalProperties": {"type": "string"},
        "links": [
            {"rel": "self", "href": "{self}"},
            {"rel": "enclosure", "href": "{file}"},
            DESCRIBED_BY,
        ],
    }
    if described.required:
        document["required"] = list(described.required)
    return document


def member() -> Document:
    """A project that an image is shared with."""
    return {"name": "member", "properties": dict(MEMBER_PROPERTIES)}


def task() -> Document:
    """A task, with what it was given and what came of it."""
    return {"name": "task", "properties": dict(TASK_PROPERTIES)}


def collection(name: str, item: Document, *, paged: bool = True) -> Document:
    """A listing of such items."""
    text = {"type": "string"}
    properties: Document = {name: {"type": "array", "items": item}, "schema": text}
    links: Sequence[Mapping[str, str]] = [DESCRIBED_BY]
    if paged:
        properties = {name: properties[name], "first": text, "next": text, "schema": text}
        links = [{"rel": "first", "href": "{first}"}, {"rel": "next", "href": "{next}"}, DESCRIBED_BY]
    return {"name": name, "properties": properties, "links": links}


def documents(described: ImageSchema) -> dict[str, Document]:
    """Every schema that is shown, by the name under which it is asked for."""
    of_image = image(described)
    return {
        "image": of_image,
        "images": collection("images", of_image),
        "member": member(),
        "members": collection("members", member(), paged=False),
        "task": task(),
        "tasks": collection("tasks", {"name": "task", "properties": dict(TASK_SUMMARY)}),
    }


@router.get("/v2/schemas/image")
async def image_schema(request: Request) -> Response:
    """What an image may hold, the operator's own properties among it."""
    return _answer(request, "image")


@router.get("/v2/schemas/images")
async def images_schema(request: Request) -> Response:
    """A page of images."""
    return _answer(request, "images")


@router.get("/v2/schemas/member")
async def member_schema(request: Request) -> Response:
    """A member of a shared image."""
    return _answer(request, "member")


@router.get("/v2/schemas/members")
async def members_schema(request: Request) -> Response:
    """The members of a shared image."""
    return _answer(request, "members")


@router.get("/v2/schemas/task")
async def task_schema(request: Request) -> Response:
    """A task."""
    return _answer(request, "task")


@router.get("/v2/schemas/tasks")
async def tasks_schema(request: Request) -> Response:
    """A page of tasks."""
    return _answer(request, "tasks")


def _answer(request: Request, name: str) -> Response:
    jsonbody.refuse_body(request)
    return answer(documents(context_of(request).schema)[name])
