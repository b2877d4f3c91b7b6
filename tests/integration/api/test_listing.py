"""Listings by every filter, order and page size, compared with a plain model of the same images."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glimpse.api.filters import quoted
from glimpse.catalog.records import Image
from tests.integration.api.service import Api, served
from tests.servers.databases import Databases

NAMES = [
    None,
    "a",
    "A",
    "a ",
    "á",
    "ubuntu:22.04",
    "a,b",
    'say "x"',
    "back\\slash",
    "in:x",
    "ä",
    "",
    "b",
    "10",
    "9",
]
FORMATS = [None, "raw", "qcow2", "iso"]
TAGS = ["x", "x ", "X"]
COLOURS = ["0", "0 ", "ö"]
Term = tuple[list[tuple[str, str]], Callable[[Image], bool]]


class Crowd:
    """A service with thirty images, and how they stand in its catalog."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.images: list[Image] = []
        for number in range(30):
            image_id = api.create(
                name=NAMES[number % len(NAMES)],
                disk_format=FORMATS[number % len(FORMATS)],
                min_ram=number % 5,
                min_disk=number % 3,
                protected=number % 4 == 0,
                visibility=("private", "public", "shared", "community")[number % 4],
                tags=[tag for index, tag in enumerate(TAGS) if number % (index + 2) == 0],
                **({"colour": COLOURS[number % 3]} if number % 5 else {}),
            )
            if FORMATS[number % len(FORMATS)] == "raw":
                assert api.put(image_id, b"x" * number).status_code == 204
        for found in api.http.get("/v2/images?limit=1000&visibility=all").json()["images"]:
            self.images.append(api.catalog.images.get(found["id"]))

    def ids(self, query: str) -> list[str]:
        """All pages, one after the other."""
        found: list[str] = []
        path: str | None = f"/v2/images?{query}"
        while path is not None:
            answer = self.api.http.get(path)
            assert answer.status_code == 200, (path, answer.text)
            page = answer.json()
            found += [image["id"] for image in page["images"]]
            path = page.get("next")
        return found


@pytest.fixture(scope="module")
def crowd(backend: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    with served(Api, backend, tmp_path_factory.mktemp("crowd")) as api:
        yield Crowd(api)


def equal(name: str, value: str) -> Term:
    return [(name, value)], lambda image: getattr(image, name) == value


def spelled(name: str, value: str) -> Term:
    return [(name, f"eq:{value}")], lambda image: getattr(image, name) == value


def one_of(name: str, values: list[str]) -> Term:
    return [(name, f"in:{quoted(values)}")], lambda image: getattr(image, name) in values


def at_least(name: str, value: int) -> Term:
    return [(f"{name}_min", str(value))], lambda image: (getattr(image, name) or -1) >= value


def at_most(name: str, value: int) -> Term:
    return [
        (f"{name}_max", str(value))
    ], lambda image: getattr(image, name) is not None and getattr(image, name) <= value


def tagged(tags: list[str]) -> Term:
    return [("tag", tag) for tag in tags], lambda image: set(tags) <= set(image.tags)


def coloured(value: str) -> Term:
    return [("colour", value)], lambda image: image.properties.get("colour") == value


def guarded(value: bool) -> Term:
    return [("protected", str(value).lower())], lambda image: image.protected is value


def seen(value: str) -> Term:
    return [("visibility", value)], lambda image: image.visibility == value


TEXTS = st.sampled_from([name for name in NAMES if name is not None])
PLAIN = TEXTS.filter(lambda text: not text.startswith("in:"))
NUMBERS = st.integers(0, 30)
TERMS = st.one_of(
    st.builds(equal, st.just("name"), PLAIN),
    st.builds(spelled, st.just("name"), TEXTS),
    st.builds(one_of, st.just("name"), st.lists(TEXTS, min_size=1, max_size=4)),
    st.builds(one_of, st.just("disk_format"), st.lists(st.sampled_from(["raw", "iso", "lp"]), min_size=1)),
    st.builds(equal, st.just("status"), st.sampled_from(["queued", "active"])),
    st.builds(at_least, st.sampled_from(["size", "min_ram", "min_disk"]), st.integers(1, 30)),
    st.builds(at_most, st.sampled_from(["size", "min_ram", "min_disk"]), NUMBERS),
    st.builds(tagged, st.lists(st.sampled_from(TAGS), max_size=3)),
    st.builds(coloured, st.sampled_from([*COLOURS, "o"])),
    st.builds(guarded, st.booleans()),
    st.builds(seen, st.sampled_from(["private", "public", "shared", "community"])),
)
KEYS = st.sampled_from(["name", "status", "disk_format", "size", "id", "created_at", "updated_at"])
ORDERS = st.lists(st.tuples(KEYS, st.sampled_from(["asc", "desc"])), max_size=3)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(terms=st.lists(TERMS, max_size=3), order=ORDERS, limit=st.sampled_from([1, 2, 7, 1000]))
def test_every_listing_is_what_the_model_says(
    crowd: Crowd, terms: list[Term], order: list[tuple[str, str]], limit: int
) -> None:
    pairs = [("limit", str(limit))]
    wanted: dict[str, Callable[[Image], bool]] = {}
    for number, (asked, matches) in enumerate(terms):
        pairs += asked
        # Of plain values of one name the last counts; ranges, lists and tags all hold.
        first, value = asked[0] if asked else ("", "")
        repeats = first in ("tag", "") or first.endswith(("_min", "_max")) or value.startswith("in:")
        wanted[f"{first}{number}" if repeats else first] = matches
    if not any(name == "visibility" for name, _ in pairs):
        pairs.append(("visibility", "all"))
    if order:
        pairs.append(("sort", ",".join(f"{key}:{way}" for key, way in order)))
    expected = [image for image in crowd.images if all(matches(image) for matches in wanted.values())]
    assert crowd.ids(urlencode(pairs)) == [image.id for image in _sorted(expected, order)]


def _sorted(images: list[Image], order: list[tuple[str, str]]) -> list[Image]:
    """The keys in their order, then created_at and id: as the single key, or else descending."""
    rest = order[0][1] if len(order) == 1 else "desc"
    for key, way in reversed([*order, ("created_at", rest), ("id", rest)]):
        # Of a key named twice, what was said first holds: it is sorted by last.
        images = sorted(images, key=lambda image: _place(getattr(image, key)), reverse=way == "desc")
    return images


def _place(value: Any) -> tuple[bool, Any]:
    return (False, "") if value is None else (True, value)


def test_times_find_what_was_made_in_that_second(crowd: Crowd) -> None:
    moment = crowd.images[0].created_at.replace(microsecond=0)
    after = moment + timedelta(seconds=1)
    within = {image.id for image in crowd.images if moment <= image.created_at < after}
    everything = {image.id for image in crowd.images}
    shown = moment.strftime("%Y-%m-%dT%H:%M:%SZ")

    def found(*pairs: tuple[str, str]) -> set[str]:
        return set(crowd.ids(urlencode([("visibility", "all"), *pairs])))

    assert found(("created_at", shown)) == found(("created_at", f"eq:{shown}")) == within
    before = found(("created_at", f"lt:{shown}"))
    later = found(("created_at", f"gt:{shown}"))
    assert before | within | later == everything
    assert not before & within
    assert not later & within
    assert found(("created_at", f"lte:{shown}")) == before | within
    assert found(("created_at", f"gte:{shown}")) == within | later
    assert found(("created_at", f"gte:{shown}"), ("created_at", f"lt:{after.isoformat()}")) == within
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert found(("updated_at", f"gt:{tomorrow}")) == set()
    exact = crowd.images[0].created_at.isoformat()
    assert found(("created_at", f"neq:{shown}")) == before | later
    assert found(("created_at", f"neq:{exact}")) == everything - {crowd.images[0].id}
