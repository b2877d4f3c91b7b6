from dataclasses import dataclass

import pytest

from glimpse.errors import Conflict, Invalid
from glimpse.imports.request import parse
from glimpse.imports.targets import choose


@dataclass(frozen=True)
class Known:
    id: str
    read_only: bool = False


STORES = (Known("main"), Known("mirror"), Known("web", read_only=True))


def chosen(
    body: dict[str, object], header: str | None = None, *, multi_store: bool = True
) -> tuple[str, ...]:
    request = parse({"method": {"name": "glance-direct"}, **body}, ("glance-direct",))
    return choose(request, header, STORES, default="main", multi_store=multi_store)


@pytest.mark.parametrize(
    ("body", "header", "stores"),
    [
        ({}, None, ("main",)),
        ({}, "mirror", ("mirror",)),
        ({"stores": ["mirror", "main"]}, None, ("mirror", "main")),
        ({"all_stores": True}, None, ("main", "mirror")),
        ({"stores": ["mirror"]}, "mirror", ("mirror",)),
    ],
)
def test_several_stores(body: dict[str, object], header: str | None, stores: tuple[str, ...]) -> None:
    assert chosen(body, header) == stores


@pytest.mark.parametrize(
    ("body", "header", "error"),
    [
        ({"all_stores": True, "stores": ["main"]}, None, Invalid),
        ({"all_stores": True}, "main", Invalid),
        ({"stores": ["main"]}, "mirror", Invalid),
        ({"stores": ["main", "mirror"]}, "main", Invalid),
        ({"stores": "main"}, None, Invalid),
        ({"stores": {"main": True}}, None, Invalid),
        ({"stores": []}, None, Invalid),
        ({"stores": [1]}, None, Invalid),
        ({"stores": ["main", "main"]}, None, Invalid),
        ({"stores": ["nowhere"]}, None, Conflict),
        ({}, "nowhere", Conflict),
        ({}, "os_glance_staging_store", Conflict),
        ({"stores": ["web"]}, None, Conflict),
        ({}, "web", Conflict),
    ],
)
def test_what_contradicts_itself_or_cannot_be_written_is_refused(
    body: dict[str, object], header: str | None, error: type[Exception]
) -> None:
    with pytest.raises(error):
        chosen(body, header)


@pytest.mark.parametrize("stores", [["elsewhere"], ["main", "main"], [], "main", {"main": True}, [1], 5])
def test_a_single_store_ignores_what_names_stores(stores: object) -> None:
    assert chosen({"stores": stores, "all_stores": True}, "elsewhere", multi_store=False) == ("main",)


def test_a_single_store_cannot_succeed_in_part() -> None:
    with pytest.raises(Invalid):
        chosen({"all_stores_must_succeed": False}, multi_store=False)
