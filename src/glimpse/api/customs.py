"""Properties of the operator's own: ``schema-image.json`` beside the configuration says what they may be.

The file maps names to descriptions, or holds such a map as ``properties`` beside a list ``required``. Databases
keep properties as text; one whose description allows no text is written as JSON and shown as what it is.
"""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from glimpse.api import reserved, schema
from glimpse.api.schema import TYPES, Description
from glimpse.catalog.records import RESERVED_PREFIX
from glimpse.config import Settings
from glimpse.errors import Invalid

FILE = "schema-image.json"


@dataclass(frozen=True, slots=True)
class ImageSchema:
    """What an image's properties may be: ``properties`` by name, of which ``custom`` are the operator's."""

    properties: Mapping[str, Description] = field(default_factory=dict)
    custom: frozenset[str] = frozenset()
    required: tuple[str, ...] = ()

    @classmethod
    def of(cls, settings: Settings) -> "ImageSchema":
        """The schema for this configuration. Raises Invalid, naming the file."""
        formats = settings.image_format
        base = schema.image_properties(formats.disk_formats, formats.container_formats)
        path = settings.find_file(FILE)
        if path is None:
            return cls(base)
        custom, required = read(path)
        for name in custom:
            if name in base or name in reserved.BASE or name in reserved.RESERVED:
                raise Invalid(f"{path}: {name} is an attribute that every image has already.")
            if name.startswith(RESERVED_PREFIX):
                raise Invalid(f"{path}: {name} cannot be described; {RESERVED_PREFIX}* is the service's.")
        return cls({**base, **custom}, frozenset(custom), required)

    def refuse_missing(self, names: Collection[str]) -> None:
        """Raise Invalid unless these are all the properties that an image must have."""
        missing = [name for name in self.required if name not in names]
        if missing:
            raise Invalid(f"An image needs these properties as well: {', '.join(missing)}.")

    def shown(self, name: str, value: str | None) -> object:
        """A property's value as clients see it. One that may not be null is shown as empty text."""
        if name not in self.custom:
            return "" if value is None else value
        kinds = schema.kinds(self.properties[name])
        if value is None:
            return None if not kinds or "null" in kinds else ""
        if kinds and "string" not in kinds:
            try:
                return json.loads(value)
            except ValueError:
                # Written before the operator described it.
                return value
        return value


def read(path: Path) -> tuple[dict[str, Description], tuple[str, ...]]:
    """The descriptions in the file, and which properties it requires. Raises Invalid, naming the file."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise Invalid(f"{path} cannot be read: {error}") from error
    properties, required = _parts(content)
    if not isinstance(properties, dict) or not isinstance(required, list):
        raise Invalid(f"{path}: there must be an object with properties, and 'required' be a list.")
    described: dict[str, Description] = {}
    for name, description in properties.items():
        try:
            schema.check_name(name)
            described[name] = {**_checked(description), "is_base": False}
        except (Invalid, re.error) as error:
            raise Invalid(f"{path}: the property {name[:100]}: {error}") from error
    return described, tuple(str(name) for name in required)


def _parts(content: object) -> tuple[object, object]:
    """What is said of the properties, and which are required. A property may itself be called so."""
    if not isinstance(content, dict) or "properties" in content:
        whole = content if isinstance(content, dict) else {}
        return whole.get("properties"), whole.get("required", [])
    if isinstance(content.get("required"), list):
        return {name: content[name] for name in content if name != "required"}, content["required"]
    return content, []


def _checked(description: object) -> Mapping[str, object]:
    if not isinstance(description, dict):
        raise Invalid("its description must be an object.")
    declared = description.get("type", [])
    types = [declared] if isinstance(declared, str) else declared
    if not isinstance(types, list) or not all(isinstance(kind, str) and kind in TYPES for kind in types):
        raise Invalid(f"its type must be one or a list of: {', '.join(TYPES)}.")
    if not isinstance(description.get("enum", []), list):
        raise Invalid("its enum must be a list.")
    re.compile(str(description.get("pattern", "")))
    items = description.get("items")
    if items is not None:
        _checked(items)
    return description
