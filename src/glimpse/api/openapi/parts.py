"""Words of the OpenAPI document: parameters, bodies, answers and headers, each as short as it can be said."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Part = Mapping[str, object]

JSON = "application/json"
BYTES = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Answer:
    """A success: ``content`` by media type, without one there is no body. ``headers`` are names in the
    document's components.
    """

    description: str
    content: Mapping[str, Part] = field(default_factory=dict)
    headers: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Described:
    """What the document says of an operation beside its docstring. ``errors`` are the status codes that it
    can be refused with, beside those that every operation knows; ``parameters`` are parts, or names in the
    document's components.
    """

    answers: Mapping[int, Answer]
    errors: Sequence[int] = ()
    parameters: Sequence[Part | str] = ()
    body: Part | None = None


def ref(name: str, kind: str = "schemas") -> Part:
    """A reference to a component of the document."""
    return {"$ref": f"#/components/{kind}/{name}"}


def json(schema: str) -> Mapping[str, Part]:
    """Content that is JSON of a schema in the components."""
    return {JSON: {"schema": ref(schema)}}


def query(name: str, description: str, schema: Part, **more: object) -> Part:
    """A parameter in the URL's query."""
    return {"name": name, "in": "query", "description": description, "schema": schema, **more}


def header(name: str, description: str, schema: Part, **more: object) -> Part:
    """A parameter among the request's headers."""
    return {"name": name, "in": "header", "description": description, "schema": schema, **more}


def path(name: str, description: str, schema: Part) -> Part:
    """A parameter in the URL's path."""
    return {"name": name, "in": "path", "required": True, "description": description, "schema": schema}


def body(content: Mapping[str, Part], *, required: bool = True) -> Part:
    """What a request carries."""
    return {"content": content, "required": required}


def text(**more: object) -> Part:
    """A schema for a string."""
    return {"type": "string", **more}


def items(schema: Part, **more: object) -> Part:
    """A schema for an array."""
    return {"type": "array", "items": schema, **more}


def record(properties: Mapping[str, Part], *optional: str, closed: bool = True) -> Part:
    """A schema for an object that has all of these properties but the optional ones, and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        **({"additionalProperties": False} if closed else {}),
    }


def nothing(description: str) -> Mapping[int, Answer]:
    """The answers of an operation that has nothing to say."""
    return {204: Answer(description)}
