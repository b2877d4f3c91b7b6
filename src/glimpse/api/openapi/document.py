"""The document as a whole: routes with their docstrings, what is described of them, and the components."""

import re
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus

from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from glimpse import __version__
from glimpse.access.selection import Kind
from glimpse.api.openapi import data, descriptions, discovery, images, imports, locations, sharing, tasks
from glimpse.api.openapi.parts import Answer, Described, Part, header, path, ref, text
from glimpse.api.openapi.schemas import image_schemas, import_schemas, service_schemas, sharing_schemas
from glimpse.api.schema import UUID_PATTERN, Description

DESCRIBED: Mapping[str, Described] = {
    name: described
    for resource in (images, data, imports, sharing, locations, tasks, descriptions, discovery)
    for name, described in resource.OPERATIONS.items()
}

ABOUT = """The OpenStack Image API, version 2, with imports that can be watched.

Every path under `/v2` is the same under the prefix of any version that `/versions` lists. Each answer names its
request in `X-OpenStack-Request-Id`. Errors are JSON, HTML or text, as `Accept` asks.
"""

# What any operation of the Image API can say before it looks at anything.
ALWAYS = (400, 401, 431, 503)
ERRORS = {
    400: "The request is not well-formed, or a value is not allowed.",
    401: "The token is missing or not valid.",
    403: "The caller is not allowed to do this.",
    404: "There is no such thing, or the caller may not see it.",
    408: "The body did not come in time.",
    409: "It is in a state in which this cannot be done, or is there already.",
    410: "It was deleted meanwhile.",
    413: "A limit would be exceeded, or there is no space left.",
    415: "The media type is not supported, or the data is not what it claims to be.",
    416: "There are no such bytes.",
    429: "The project has too many uploads and downloads under way.",
    431: "The request id is too long.",
    503: "The service cannot do this at the moment.",
}

PATH_PARAMETERS = {
    "image_id": path("image_id", "The image's id.", text(pattern=UUID_PATTERN)),
    "task_id": path("task_id", "The task's id.", text(pattern=UUID_PATTERN)),
    "member_id": path(
        "member_id", "The project that the image is shared with.", text(minLength=1, maxLength=255)
    ),
    "tag": path("tag", "The tag.", text(minLength=1, maxLength=255)),
    "store_id": path("store_id", "The store.", text(minLength=1)),
}

HEADERS: Mapping[str, Part] = {
    "X-OpenStack-Request-Id": {"description": "Names this request in the logs.", "schema": text()},
    "Location": {"description": "Where the new thing is.", "schema": text()},
    "OpenStack-image-import-methods": {
        "description": "The import methods that are enabled, with commas between them.",
        "schema": text(),
    },
    "OpenStack-image-store-ids": {
        "description": "The stores, with commas between them; with several stores only.",
        "schema": text(),
    },
    "Content-MD5": {"description": "The MD5 of the whole data in hexadecimal digits.", "schema": text()},
    "Content-Range": {"description": "Which bytes these are, of how many.", "schema": text()},
    "Accept-Patch": {"description": "The media types that are supported.", "schema": text()},
}

SCHEME = "caller"
CALLERS: Mapping[Kind, Part] = {
    "noauth": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Auth-Token",
        "description": "user:project:role[,role…], or nothing.",
    },
    "keystone": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Auth-Token",
        "description": "A token of Keystone.",
    },
    "http_basic": {
        "type": "http",
        "scheme": "basic",
        "description": "A user of this site, and the password.",
    },
}

REQUEST_ID = header(
    "X-OpenStack-Request-Id", "An id for this request, instead of a new one.", text(maxLength=64)
)


def build(
    routes: Iterable[BaseRoute],
    *,
    properties: Mapping[str, Description],
    required: Sequence[str],
    methods: Sequence[str],
    authentication: Kind,
    anonymous: bool,
) -> dict[str, object]:
    """The OpenAPI document for these routes; ``properties`` of images and which of
    the operator's own are ``required``, ``methods`` of imports that are enabled, and whether callers may be
    ``anonymous``.

    Raises KeyError for a route that nobody has described.
    """
    paths: dict[str, dict[str, object]] = {}
    for route in routes:
        if isinstance(route, APIRoute) and route.include_in_schema:
            for verb in sorted(route.methods or ()):
                paths.setdefault(route.path, {})[verb.lower()] = _operation(route, verb)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Image API", "version": __version__, "description": ABOUT},
        "servers": [{"url": "/"}],
        "security": [{SCHEME: []}, *([{}] if anonymous or authentication == "noauth" else [])],
        "paths": paths,
        "components": {
            "schemas": {
                **image_schemas(properties, required),
                **import_schemas(methods),
                **sharing_schemas(),
                **service_schemas(),
            },
            "headers": HEADERS,
            "parameters": {"RequestId": REQUEST_ID},
            "responses": {_error_name(status): _error(status) for status in ERRORS},
            "securitySchemes": {SCHEME: CALLERS[authentication]},
        },
    }


def _operation(route: APIRoute, verb: str) -> dict[str, object]:
    described = DESCRIBED[f"{verb} {route.path}"]
    versioned = route.path.startswith("/v2/")
    slow = (408,) if described.body is not None else ()
    errors = sorted({*described.errors, *slow, *(ALWAYS if versioned else ())})
    shared = ["X-OpenStack-Request-Id"] if versioned else []
    summary, _, description = route.description.replace("``", "`").partition("\n\n")
    operation: dict[str, object] = {
        "operationId": "_".join([*map(str, route.tags), route.name]),
        "summary": " ".join(summary.replace("`", "").split()),
        "tags": list(route.tags),
        "parameters": [
            *(PATH_PARAMETERS[name] for name in re.findall(r"{(\w+)}", route.path)),
            *(ref(part, "parameters") if isinstance(part, str) else part for part in described.parameters),
            *([ref("RequestId", "parameters")] if versioned else []),
        ],
        "responses": {
            **{str(status): _answer(answer, shared) for status, answer in described.answers.items()},
            **{str(status): ref(_error_name(status), "responses") for status in errors},
        },
    }
    if description:
        operation["description"] = description
    if not versioned:
        operation["security"] = []
    if described.body is not None:
        operation["requestBody"] = described.body
    return operation


def _answer(answer: Answer, shared: Sequence[str]) -> dict[str, object]:
    told: dict[str, object] = {"description": answer.description}
    if answer.content:
        told["content"] = answer.content
    if names := [*answer.headers, *shared]:
        told["headers"] = {name: ref(name, "headers") for name in names}
    return told


def _error(status: int) -> dict[str, object]:
    names = ["X-OpenStack-Request-Id", *(["Accept-Patch"] if status == 415 else [])]
    return {
        "description": ERRORS[status],
        "headers": {name: ref(name, "headers") for name in names},
        "content": {
            "application/json": {"schema": ref("Error")},
            "text/plain": {"schema": text()},
            "text/html": {"schema": text()},
        },
    }


def _error_name(status: int) -> str:
    return "".join(word.capitalize() for word in HTTPStatus(status).phrase.split())
