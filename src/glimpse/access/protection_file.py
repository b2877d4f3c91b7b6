"""The file that protects properties: which sections it has and what they say, or what is wrong with it.

    [^x_owner_.*]
    create = admin,member
    read = admin,member,reader
    update = admin
    delete = !

A section's name is a regular expression, looked for anywhere in a property's name. The first section that is found
there decides.
"""

import configparser
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from glimpse.catalog.records import RESERVED_PREFIX
from glimpse.errors import Invalid

Operation = Literal["create", "read", "update", "delete"]
Format = Literal["roles", "policies"]

OPERATIONS: tuple[Operation, ...] = get_args(Operation)
EVERYBODY = "@"
NOBODY = "!"


class BrokenProtection(Invalid):
    """The file cannot be used; the service must not start with it."""

    code = "broken-property-protection"


@dataclass(frozen=True, slots=True)
class Section:
    """Who may do what with the properties in whose names ``pattern`` is found: roles, or one policy rule."""

    pattern: re.Pattern[str]
    allowed: Mapping[Operation, tuple[str, ...]]


def read(path: Path, format: Format) -> tuple[Section, ...]:
    """The sections of a file, in its order. Raises :class:`BrokenProtection`, naming the file."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise BrokenProtection(f"{path} cannot be read: {error}") from error
    try:
        return parse(text, format)
    except BrokenProtection as error:
        raise BrokenProtection(f"{path}: {error.message}", hint=error.hint) from error


def parse(text: str, format: Format) -> tuple[Section, ...]:
    """The sections of a file's text. Raises :class:`BrokenProtection`, naming section and key."""
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text, source="the file")
    except configparser.Error as error:
        raise BrokenProtection(" ".join(error.message.split())) from error
    return tuple(
        Section(_pattern(name), {key: _allowed(parser[name], name, key, format) for key in OPERATIONS})
        for name in parser.sections()
        if not name.startswith(RESERVED_PREFIX)
    )


def _pattern(name: str) -> re.Pattern[str]:
    try:
        return re.compile(name)
    except (re.error, OverflowError, RecursionError) as error:
        raise BrokenProtection(f"[{name}] is not a regular expression: {error}") from error


def _allowed(
    section: configparser.SectionProxy, name: str, key: Operation, format: Format
) -> tuple[str, ...]:
    value = section.get(key)
    if value is None:
        raise BrokenProtection(
            f"[{name}] lacks {key}.", hint=f"A section has all of {', '.join(OPERATIONS)}; ! allows nobody."
        )
    words = tuple(word.strip().lower() if format == "roles" else word.strip() for word in value.split(","))
    found = tuple(word for word in words if word)
    if EVERYBODY in found and NOBODY in found:
        raise BrokenProtection(f"[{name}] {key} = {value}: it is either @, everybody, or !, nobody.")
    if format == "policies" and len(words) > 1:
        raise BrokenProtection(f"[{name}] {key} = {value}: there must be one policy rule.")
    return found
