"""Filters of a listing: from ``created_at=gte:2026-01-01`` or ``name=in:a,"b,c"`` to what the catalog compares.

Pure functions. A value that makes no sense raises Invalid, so that nobody takes an empty list for an answer.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import get_args

from glimpse.catalog.records import Comparison, Operator
from glimpse.errors import Invalid

# Attributes whose values may name an operator; all others are compared as they are.
WITH_OPERATORS = ("name", "id", "status", "container_format", "disk_format")
TIMES = ("created_at", "updated_at")
NUMBERS = ("size", "virtual_size", "min_ram", "min_disk")
ENDS = {"_min": "gte", "_max": "lte"}
OPERATORS: tuple[Operator, ...] = get_args(Operator)

# As many digits as every database's largest integer takes.
_NUMBER = re.compile(r"-?[0-9]{1,18}")
# One value of a list and the comma after it: in double quotes, with \" and \\ for what cannot stand there
# itself, or plain, without quotes.
_ITEM = re.compile(r'(?:"((?:[^"\\]|\\.)*)"|([^",]*))(,|$)', re.DOTALL)
_ESCAPED = re.compile(r'\\(["\\])')
SECOND = timedelta(seconds=1)


def comparisons(name: str, value: str) -> list[Comparison] | None:
    """What a parameter asks of a column; None where it asks for plain equality. Raises Invalid."""
    if name in TIMES:
        return _time(name, value)
    if name in WITH_OPERATORS:
        return _operator(name, value)
    column, end = name[:-4], name[-4:]
    if end in ENDS:
        if column not in NUMBERS:
            raise Invalid(f"{column[:100]} has no range; attributes with one: {', '.join(NUMBERS)}.")
        operator: Operator = "gte" if end == "_min" else "lte"
        return [Comparison(column, operator, (number(name, value),))]
    return None


def number(name: str, value: str) -> int:
    """A whole number. Raises Invalid."""
    if _NUMBER.fullmatch(value) is None:
        raise Invalid(f"{name} must be a whole number.")
    return int(value)


def values(text: str) -> tuple[str, ...]:
    """The values of a list ``a,"b,c"``: a comma in double quotes separates nothing. Raises Invalid."""
    found: list[str] = []
    position, more = 0, True
    while more:
        item = _ITEM.match(text, position)
        if item is None:
            raise Invalid(f"The double quotes in {text[:100]!r} do not enclose whole values.")
        quoted, plain, comma = item.groups()
        found.append(plain if quoted is None else _ESCAPED.sub(r"\1", quoted))
        position, more = item.end(), comma == ","
    return tuple(found)


def quoted(items: Sequence[str]) -> str:
    """The text that :func:`values` makes these of."""
    return ",".join('"' + item.replace("\\", "\\\\").replace('"', '\\"') + '"' for item in items)


def _operator(name: str, value: str) -> list[Comparison]:
    operator, colon, operand = value.partition(":")
    # Clients look for "ubuntu:22.04" as it is; no other attribute has colons.
    if not colon or (name == "name" and operator not in OPERATORS):
        return [Comparison(name, "eq", (value,))]
    if operator == "eq":
        return [Comparison(name, "eq", (operand,))]
    if operator == "in":
        return [Comparison(name, "in", values(operand))]
    raise Invalid(
        f"{name} cannot be compared by {operator[:100]!r}.",
        hint="A value that has a colon itself is written after 'eq:'.",
    )


def _time(name: str, value: str) -> list[Comparison]:
    """Times are shown to the second, so one given to the second means all of that second."""
    operator, moment = _moment(name, value)
    try:
        after = moment + SECOND
    except OverflowError as error:
        raise Invalid(f"{name} is too late: {value[:100]!r}.") from error
    if moment.microsecond or operator in ("lt", "gte"):
        return [Comparison(name, operator, (moment,))]
    match operator:
        case "eq":
            return [Comparison(name, "gte", (moment,)), Comparison(name, "lt", (after,))]
        case "gt":
            return [Comparison(name, "gte", (after,))]
        case "lte":
            return [Comparison(name, "lt", (after,))]
        case "neq":
            return [Comparison(name, "neq", (moment, after))]
    return [Comparison(name, operator, (moment,))]


def _moment(name: str, value: str) -> tuple[Operator, datetime]:
    word, colon, rest = value.partition(":")
    for operator in OPERATORS:
        if colon and operator == word and operator != "in":
            return operator, _parsed(name, rest)
    return "eq", _parsed(name, value)


def _parsed(name: str, value: str) -> datetime:
    try:
        # 3.11 takes most of ISO 8601; a time without a zone is UTC.
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        operators = ", ".join(operator for operator in OPERATORS if operator != "in")
        raise Invalid(
            f"{name} must be a time of ISO 8601, perhaps after one of {operators} and a colon:"
            f" {value[:100]!r}."
        ) from error
