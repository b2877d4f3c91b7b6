"""Listing: what a query asks for, and the links to the first and the next page."""

from collections.abc import Sequence
from urllib.parse import parse_qsl, urlencode

from glimpse.api import filters
from glimpse.api.jsonbody import check_text
from glimpse.api.schema import VISIBILITIES
from glimpse.catalog.records import Comparison, ImageQuery
from glimpse.errors import Invalid

SORT_KEYS = (
    "name", "status", "container_format", "disk_format", "size", "id", "created_at", "updated_at",
)  # fmt: skip
DIRECTIONS = ("asc", "desc")
MEMBER_STATUSES = ("pending", "accepted", "rejected", "all")
CONTROL = frozenset(
    {"limit", "marker", "sort", "sort_key", "sort_dir", "member_status", "visibility", "os_hidden", "tag"}
)

Parameters = Sequence[tuple[str, str]]


def parameters(query_string: bytes) -> list[tuple[str, str]]:
    """The query's names and values in order. Raises Invalid for what is not UTF-8 or cannot be stored."""
    try:
        pairs = parse_qsl(
            query_string.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=200
        )
    except ValueError as error:
        raise Invalid("The query of the URL cannot be decoded.") from error
    for name, value in pairs:
        check_text(name, "the query")
        check_text(value, "the query")
    return pairs


def query(pairs: Parameters, *, default_limit: int, longest: int) -> ImageQuery:
    """What the parameters ask for. Raises Invalid."""
    single = dict(pairs)
    if "changes-since" in single:
        raise Invalid("changes-since is not supported.")
    visibility = single.get("visibility")
    equal, compared = _filters(pairs)
    return ImageQuery(
        limit=min(limit(single.get("limit"), default_limit), longest),
        marker=single.get("marker"),
        sort=_sort(pairs),
        filters=equal,
        comparisons=compared,
        tags=tuple(value for name, value in pairs if name == "tag"),
        visibility=None if visibility is None else one_of("visibility", visibility, (*VISIBILITIES, "all")),
        os_hidden=one_of("os_hidden", single.get("os_hidden", "false").lower(), ("true", "false")) == "true",
        member_status=one_of("member_status", single.get("member_status", "accepted"), MEMBER_STATUSES),
    )


def links(pairs: Parameters, next_marker: str | None, path: str = "/v2/images") -> dict[str, str]:
    """``first``, and ``next`` where there is more, with every parameter of the query as often as it was
    given.
    """
    kept = [(name, value) for name, value in pairs if name != "marker"]
    found = {"first": _link(path, kept)}
    if next_marker is not None:
        found["next"] = _link(path, [*kept, ("marker", next_marker)])
    return found


def _link(path: str, pairs: Parameters) -> str:
    return f"{path}?{urlencode(pairs)}" if pairs else path


def limit(value: str | None, default: int) -> int:
    """How many to list. Raises Invalid."""
    if value is None:
        return default
    if not (value.isascii() and value.isdigit() and len(value) < 20):
        raise Invalid("limit must be a whole number that is not negative.")
    return int(value)


def one_of(name: str, value: str, allowed: Sequence[str]) -> str:
    """The value. Raises Invalid, naming the choices, unless it is one of them."""
    if value not in allowed:
        raise Invalid(f"{name} must be one of: {', '.join(allowed)}.")
    return value


def _sort(pairs: Parameters) -> tuple[tuple[str, str], ...]:
    keys = [value for name, value in pairs if name == "sort_key"]
    directions = [value for name, value in pairs if name == "sort_dir"]
    combined = [value for name, value in pairs if name == "sort"]
    if combined:
        if keys or directions:
            raise Invalid("sort cannot be combined with sort_key or sort_dir.")
        parts = [part.strip().partition(":") for part in ",".join(combined).split(",")]
        return tuple((_key(key.strip()), _direction(way.strip() or "desc")) for key, _, way in parts)
    if not keys and not directions:
        return ()
    keys = keys or ["created_at"]
    if not directions:
        directions = ["desc"]
    if len(directions) == 1:
        directions *= len(keys)
    if len(directions) != len(keys):
        raise Invalid("There must be one sort_dir, or one for each sort_key.")
    return tuple((_key(key), _direction(way)) for key, way in zip(keys, directions, strict=True))


def _key(value: str) -> str:
    return one_of("The key to sort by", value, SORT_KEYS)


def _direction(value: str) -> str:
    return one_of("The direction to sort in", value, DIRECTIONS)


def _filters(pairs: Parameters) -> tuple[dict[str, object], tuple[Comparison, ...]]:
    """What is compared for equality, and what otherwise.

    Ranges and times that are given several times all hold, so that a span of time can be asked for; of plain
    values the last one counts.
    """
    equal: dict[str, object] = {}
    compared: list[Comparison] = []
    for name, value in pairs:
        if name in CONTROL:
            continue
        match filters.comparisons(name, value):
            case None:
                equal[name] = _value(name, value)
            case [Comparison(column=column, operator="eq", values=(wanted,))]:
                equal[column] = wanted
            case found:
                compared += found
    return equal, tuple(compared)


def _value(name: str, value: str) -> object:
    if name == "protected":
        return one_of(name, value, ("true", "false")) == "true"
    return filters.number(name, value) if name in filters.NUMBERS else value
