"""python-glanceclient as Nova and Cinder use it: images whose data stays where it is."""

from collections.abc import Iterator
from typing import Any

import glanceclient  # type: ignore[import-untyped]
import pytest

from glimpse.testing.httpserver import HttpServer, Reply
from tests.integration.clients.conftest import DATA
from tests.integration.imports.service import Service

RAW = {"disk_format": "raw", "container_format": "bare"}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service as clouds have it inside: it shows locations, and there is a store of web addresses."""
    options = {
        "DEFAULT.show_multiple_locations": True,
        "DEFAULT.show_image_direct_url": True,
        "DEFAULT.enabled_backends": {"main": "file", "web": "http"},
    }
    with Service(tmp_path_factory.mktemp("cloud"), options) as running:
        running.conduct()
        yield running


@pytest.fixture(scope="module")
def web() -> Iterator[HttpServer]:
    with HttpServer({f"/{name}": Reply(DATA, ranges=True) for name in ("one", "two")}) as server:
        yield server


@pytest.fixture
def images(cloud: Service) -> Any:
    return glanceclient.Client("2", cloud.url, token="nova:services:admin,service").images


def test_locations_of_an_image_are_added_changed_and_removed(
    cloud: Service, web: HttpServer, images: Any
) -> None:
    image_id = images.create(name="patched", **RAW)["id"]
    one, two = web.url("/one"), web.url("/two")
    assert images.add_location(image_id, one, {}).status == "active"
    images.add_location(image_id, two, {"speed": "slow"})
    images.update_location(image_id, one, {"speed": "fast", "store": "web"})
    shown = images.get(image_id)
    assert [(each["url"], each["metadata"]["speed"]) for each in shown.locations] == [
        (one, "fast"),
        (two, "slow"),
    ]
    assert shown.direct_url == one
    assert b"".join(images.data(image_id)) == DATA
    images.delete_locations(image_id, {one})
    assert [each["url"] for each in images.get(image_id).locations] == [two]


def test_a_location_is_registered_and_asked_for(cloud: Service, web: HttpServer, images: Any) -> None:
    image_id = images.create(name="registered", **RAW)["id"]
    images.add_image_location(image_id, web.url("/one"))
    cloud.ended(image_id)
    shown = images.get(image_id)
    assert (shown.status, shown.size, len(shown.os_hash_value)) == ("active", len(DATA), 128)
    (where,) = images.get_image_locations(image_id)
    assert (where["url"], where["metadata"]) == (web.url("/one"), {"store": "web"})
