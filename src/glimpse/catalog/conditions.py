"""What a listing asks of images, taken apart into shape and values.

Building SQL in Python takes longer than running it. So statements are built from shapes, which say how things
are compared, and kept for the next listing of the same shape; values only pass through. A shape is hashable and
takes its parameters from :class:`Binds` in the order in which a :class:`Condition` holds its values.
"""

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Column,
    ColumnElement,
    Integer,
    and_,
    bindparam,
    exists,
    false,
    or_,
    true,
)

from glimpse.catalog.properties import fingerprint
from glimpse.catalog.records import Comparison
from glimpse.catalog.tables import image_members, image_properties, image_tags, images
from glimpse.catalog.types import Aside
from glimpse.errors import Invalid

# What may be compared besides properties.
COLUMNS = frozenset(images.c.keys()) - {"deleted", "deleted_at", "claim"}

_OPERATORS: Mapping[str, Callable[[Any, Any], ColumnElement[bool]]] = {
    "eq": operator.eq,
    "neq": operator.ne,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
_ENDS = frozenset({"gt", "gte", "lt", "lte"})


class Binds:
    """Hands out parameters, numbered as :func:`parameters` numbers values."""

    def __init__(self) -> None:
        self._count = 0

    def next(self, column: Column[Any]) -> BindParameter[Any]:
        """The next parameter, to be compared with this column. (A number may well be beyond what the column holds.)"""
        self._count += 1
        kind = BigInteger() if isinstance(column.type, Integer) else column.type
        return bindparam(f"v{self._count}", type_=kind)


def parameters(conditions: Iterable["Condition"]) -> dict[str, object]:
    """The values of these conditions under the names that :class:`Binds` gave."""
    values = [value for condition in conditions for value in condition.values]
    return {f"v{number}": value for number, value in enumerate(values, 1)}


class Shape(Protocol):
    """How something is asked, without the values."""

    def __hash__(self) -> int: ...

    def sql(self, binds: Binds) -> ColumnElement[bool]:
        """The condition on the images table."""
        ...


@dataclass(frozen=True, slots=True)
class Compares:
    """A column with a value. ``leads``: its index is the one to walk."""

    column: str
    operator: str
    count: int = 1
    leads: bool = False

    def sql(self, binds: Binds) -> ColumnElement[bool]:
        """As :class:`Shape`."""
        column = images.c[self.column]
        left: ColumnElement[Any] = column if self.leads else Aside(column)
        if self.operator == "in":
            return left.in_([binds.next(column) for _ in range(self.count)])
        if self.operator == "null":
            return left.is_(None)
        return _OPERATORS[self.operator](left, binds.next(column))


@dataclass(frozen=True, slots=True)
class Ranges:
    """A column with both ends of a range."""

    column: str
    operators: tuple[str, ...]
    leads: bool = False

    def sql(self, binds: Binds) -> ColumnElement[bool]:
        """As :class:`Shape`."""
        return and_(*(Compares(self.column, each, leads=self.leads).sql(binds) for each in self.operators))


@dataclass(frozen=True, slots=True)
class HasProperty:
    """A property with a value: fingerprint, name, value."""

    def row(self, binds: Binds) -> ColumnElement[bool]:
        """The condition on the table of properties."""
        table = image_properties
        return and_(
            *(table.c[name] == binds.next(table.c[name]) for name in ("fingerprint", "name", "value"))
        )

    def sql(self, binds: Binds) -> ColumnElement[bool]:
        """As :class:`Shape`."""
        return exists().where(image_properties.c.image_id == images.c.id, self.row(binds))


@dataclass(frozen=True, slots=True)
class HasTag:
    """A tag."""

    def row(self, binds: Binds) -> ColumnElement[bool]:
        """The condition on the table of tags."""
        return image_tags.c.tag == binds.next(image_tags.c.tag)

    def sql(self, binds: Binds) -> ColumnElement[bool]:
        """As :class:`Shape`."""
        return exists().where(image_tags.c.image_id == images.c.id, self.row(binds))


@dataclass(frozen=True, slots=True)
class SharedWith:
    """Shared with a project, in a membership of any status or of one."""

    any_status: bool

    def row(self, binds: Binds) -> ColumnElement[bool]:
        """The condition on the table of members."""
        table = image_members
        mine = [table.c.member == binds.next(table.c.member), table.c.deleted == false()]
        if not self.any_status:
            mine.append(table.c.status == binds.next(table.c.status))
        return and_(*mine)

    def sql(self, binds: Binds) -> ColumnElement[bool]:
        """As :class:`Shape`."""
        return exists().where(image_members.c.image_id == images.c.id, self.row(binds))


@dataclass(frozen=True, slots=True)
class AnyWay:
    """One of several conjunctions."""

    ways: tuple[tuple[Shape, ...], ...]

    def sql(self, binds: Binds) -> ColumnElement[bool]:
        """As :class:`Shape`."""
        return or_(*(and_(true(), *(shape.sql(binds) for shape in way)) for way in self.ways))


@dataclass(frozen=True, slots=True)
class Condition:
    """A shape and its values."""

    shape: Shape
    values: tuple[object, ...] = ()


def equals(column: str, value: object) -> Condition:
    """The column has this value; None: it has none."""
    return (
        Condition(Compares(column, "null")) if value is None else Condition(Compares(column, "eq"), (value,))
    )


def comparisons(wanted: Iterable[Comparison]) -> list[Condition]:
    """As the caller asked for; the ends of a range become one condition. Raises Invalid."""
    found: list[Condition] = []
    ends: dict[str, list[Condition]] = {}
    for each in wanted:
        condition = compares(each)
        if each.operator in _ENDS:
            ends.setdefault(each.column, []).append(condition)
        else:
            found.append(condition)
    for column, conditions in ends.items():
        operators = tuple(each.shape.operator for each in conditions if isinstance(each.shape, Compares))
        values = tuple(value for each in conditions for value in each.values)
        found.append(conditions[0] if len(operators) == 1 else Condition(Ranges(column, operators), values))
    return found


def compares(wanted: Comparison) -> Condition:
    """As the caller asked for; ``neq`` of two values is everything before the first and from the second on.

    Raises Invalid for what is no attribute of images.
    """
    if wanted.column not in COLUMNS:
        raise Invalid(f"Images cannot be compared by {wanted.column!r}.")
    if wanted.operator == "in":
        return one_of(wanted.column, wanted.values)
    if wanted.operator == "neq" and len(wanted.values) == 2:
        before, after = (Compares(wanted.column, operator) for operator in ("lt", "gte"))
        return Condition(AnyWay(((before,), (after,))), wanted.values)
    if wanted.operator not in _OPERATORS or len(wanted.values) != 1:
        raise Invalid(f"{wanted.column} cannot be compared by {wanted.operator!r} like this.")
    return Condition(Compares(wanted.column, wanted.operator), wanted.values)


def one_of(column: str, values: Sequence[object], *, leads: bool = False) -> Condition:
    """One of these values, of which there must be some. Lists of similar length share a statement."""
    padded = pad(values)
    return Condition(Compares(column, "in", len(padded), leads), padded)


def has(name: str, value: str) -> Condition:
    """A property with this value."""
    return Condition(HasProperty(), (fingerprint(name, value), name, value))


def tagged(tag: str) -> Condition:
    """This tag."""
    return Condition(HasTag(), (tag,))


def any_way(ways: Sequence[Sequence[Condition]]) -> Condition:
    """One of several conjunctions."""
    shapes = tuple(tuple(condition.shape for condition in way) for way in ways)
    values = tuple(value for way in ways for condition in way for value in condition.values)
    return Condition(AnyWay(shapes), values)


def pad(values: Sequence[object]) -> tuple[object, ...]:
    """The values, the last repeated until there are 1, 2, 4, 8 … of them."""
    length = 1 << (len(values) - 1).bit_length()
    return (*values, *[values[-1]] * (length - len(values)))
