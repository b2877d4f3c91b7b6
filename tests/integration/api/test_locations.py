"""Where an image's data is: shown, changed, removed from a store."""

import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from glimpse.catalog.records import NewLocation
from tests.integration.api.conftest import Start
from tests.integration.api.service import V21, Api, auth, served
from tests.servers.databases import Databases

ALICE = "alice:blue:member"
BOB = "bob:red:member"
SERVICE = "nova:service:service,reader"
DATA = b"data" * 1000
NOWHERE = str(uuid.uuid4())
HASH = {"os_hash_algo": "sha256", "os_hash_value": "0" * 64}


@pytest.fixture(scope="module")
def open_api(backend: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A service that shows where things are."""
    options = {"DEFAULT.show_multiple_locations": True, "DEFAULT.show_image_direct_url": True}
    with served(Api, backend, tmp_path_factory.mktemp("open"), options) as running:
        yield running


def twofold(api: Api, token: str | None = None, **body: object) -> str:
    """An image that is in both stores."""
    image_id = api.create(token, **body)
    assert api.put(image_id, DATA).status_code == 204
    copy = api.data / "stores" / "mirror" / image_id
    copy.write_bytes(DATA)
    api.catalog.locations.add(image_id, NewLocation(f"file://{copy}", "mirror"))
    return image_id


def copies(api: Api, image_id: str) -> list[dict[str, object]]:
    """What is shown of the two locations of such an image."""
    stores = api.data / "stores"
    return [
        {"url": f"file://{stores}/{store}/{image_id}", "metadata": {"store": store}}
        for store in ("main", "mirror")
    ]


def patch(
    api: Api, image_id: str, *changes: Mapping[str, object], token: str | None = None
) -> httpx.Response:
    return api.http.patch(f"/v2/images/{image_id}", json=list(changes), headers={**V21, **auth(token)})


def urls(api: Api, image_id: str) -> list[str]:
    locations: Any = api.show(image_id)["locations"]
    return [location["url"] for location in locations]


def add(url: object, place: str = "-", **more: object) -> dict[str, object]:
    return {"op": "add", "path": f"/locations/{place}", "value": {"url": url, "metadata": {}, **more}}


def test_locations_are_shown_where_the_configuration_says_so(api: Api, open_api: Api) -> None:
    closed = api.show(api.active(DATA))
    assert "locations" not in closed
    assert "direct_url" not in closed
    empty = open_api.show(open_api.create())
    assert empty["locations"] == []
    assert "direct_url" not in empty
    image_id = twofold(open_api, visibility="public")
    places = copies(open_api, image_id)
    shown = open_api.show(image_id)
    assert shown["locations"] == places
    assert shown["direct_url"] == places[0]["url"]
    assert shown["stores"] == "main,mirror"
    assert open_api.http.post(f"/v2/images/{image_id}/actions/deactivate").status_code == 204
    assert open_api.show(image_id)["locations"] == places, "to an administrator"
    withheld = open_api.http.get(f"/v2/images/{image_id}", headers=auth(ALICE)).json()
    assert withheld["locations"] == []
    assert "direct_url" not in withheld


def test_a_copy_is_removed_by_its_position(open_api: Api) -> None:
    image_id = twofold(open_api)
    first, second = urls(open_api, image_id)
    remove = {"op": "remove", "path": "/locations/0"}
    assert patch(open_api, image_id, {**remove, "path": "/locations/2"}).status_code == 400
    assert patch(open_api, image_id, remove, {"op": "add", "path": "/a", "value": "b"}).status_code == 200
    assert urls(open_api, image_id) == [second]
    assert not Path(first.removeprefix("file://")).exists()
    assert open_api.show(image_id)["a"] == "b"
    assert open_api.http.get(f"/v2/images/{image_id}/file").content == DATA
    assert patch(open_api, image_id, remove).status_code == 403
    assert urls(open_api, image_id) == [second]


def test_who_may_change_locations(open_api: Api) -> None:
    image_id = twofold(open_api, ALICE, visibility="community")
    remove = {"op": "remove", "path": "/locations/0"}
    assert patch(open_api, image_id, remove, token=ALICE).status_code == 403
    assert patch(open_api, image_id, remove, token=BOB).status_code == 403
    assert patch(open_api, image_id, add("ftp://x/y"), token=BOB).status_code == 403
    assert patch(open_api, image_id, add("ftp://x/y"), token=ALICE).status_code == 400
    assert len(urls(open_api, image_id)) == 2


def test_an_image_without_data_has_no_location_to_remove(open_api: Api) -> None:
    assert patch(open_api, open_api.create(), {"op": "remove", "path": "/locations/0"}).status_code == 409


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "filesystem:///x", "swift+config://x", "unknown://x", "nothing", "http://x/y"],
)
def test_addresses_that_no_store_reads_are_refused(open_api: Api, url: str) -> None:
    for image_id in (open_api.create(), open_api.active(DATA)):
        before = open_api.show(image_id)
        replace = {"op": "replace", "path": "/locations", "value": [{"url": url, "metadata": {}}]}
        for change in (add(url), add(url, "0"), replace):
            assert patch(open_api, image_id, change).status_code == 400
        assert open_api.show(image_id) == before


@pytest.mark.parametrize(
    "change",
    [
        add(1), add(""), add("x" * 256), add("http://x\0"), add("http://x", "a"), add("http://x", "-1"),
        add("http://x", "1" * 9), add("http://x", metadata=[]), add("http://x", validation_data=1),
        add("http://x", validation_data={"os_hash_algo": "sha256"}),
        add("http://x", validation_data={**HASH, "os_hash_value": "0" * 129}),
        add("http://x", validation_data={**HASH, "checksum": "0" * 31}),
        add("http://x", validation_data={**HASH, "size": 5}),
        {"op": "add", "path": "/locations/-", "value": {"url": "http://x"}},
        {"op": "add", "path": "/locations/-", "value": "http://x"},
        {"op": "add", "path": "/locations", "value": []},
        {"op": "replace", "path": "/locations", "value": "http://x"},
        {"op": "replace", "path": "/locations", "value": ["http://x"]},
        {"op": "replace", "path": "/locations/0", "value": {"url": "http://x", "metadata": {}}},
        {"op": "remove", "path": "/locations"}, {"op": "remove", "path": "/locations/-"},
    ],
)  # fmt: skip
def test_what_is_no_location_is_refused(open_api: Api, change: dict[str, object]) -> None:
    assert patch(open_api, open_api.create(), change).status_code == 400


def test_locations_cannot_all_be_taken_away(open_api: Api) -> None:
    image_id = twofold(open_api)
    assert patch(open_api, image_id, {"op": "replace", "path": "/locations", "value": []}).status_code == 403
    assert len(urls(open_api, image_id)) == 2


def test_without_the_option_locations_are_nobodys_to_change(api: Api) -> None:
    image_id = twofold(api)
    replace = {"op": "replace", "path": "/locations", "value": []}
    for change in (add("http://x"), replace, {"op": "remove", "path": "/locations/0"}):
        assert patch(api, image_id, change).status_code == 403


def test_other_services_are_told_where_the_data_is(api: Api) -> None:
    image_id = twofold(api, visibility="public")
    path = f"/v2/images/{image_id}/locations"
    for token in (None, SERVICE):
        assert api.http.get(path, headers=auth(token)).json() == copies(api, image_id)
    assert api.http.get(path, headers=auth(ALICE)).status_code == 403
    assert api.http.get(f"/v2/images/{NOWHERE}/locations").status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        [], {}, {"url": ""}, {"url": 1}, {"url": "x" * 256}, {"url": "http://x", "validation_data": 1},
        {"url": "http://x", "validation_data": {"os_hash_value": "0" * 64}},
        {"url": "http://x", "validation_data": {**HASH, "os_hash_algo": "crc"}},
        {"url": "http://x", "validation_data": {**HASH, "checksum": "0" * 32}},
        {"url": "http://x", "validation_data": {**HASH, "os_hash_value": "0" * 63}},
        {"url": "http://x", "validation_data": {**HASH, "os_hash_value": "x" * 64}},
    ],
)  # fmt: skip
def test_a_location_must_be_well_formed(api: Api, body: object) -> None:
    path = f"/v2/images/{api.create()}/locations"
    assert api.http.post(path, json=body, headers=auth(SERVICE)).status_code == 400


def test_users_give_web_addresses_only_and_only_where_a_store_reads_them(api: Api) -> None:
    path = f"/v2/images/{api.create(ALICE, visibility='community')}/locations"

    def post(url: str, token: str | None) -> int:
        return api.http.post(
            path, json={"url": url, "validation_data": HASH}, headers=auth(token)
        ).status_code

    for url in ("file:///etc/passwd", "http://x/y", "rbd://x"):
        assert [post(url, token) for token in (ALICE, BOB, None)] == [403, 403, 403]
        assert post(url, SERVICE) == 400
    active = f"/v2/images/{api.active(DATA, visibility='public')}/locations"
    assert api.http.post(active, json={"url": "rbd://x"}, headers=auth(SERVICE)).status_code == 409
    assert api.http.post(f"/v2/images/{NOWHERE}/locations", json={"url": "x"}).status_code == 404


def test_a_copy_is_removed_from_a_store(api: Api) -> None:
    image_id = twofold(api)
    answer = api.http.delete(f"/v2/stores/main/{image_id}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert api.show(image_id)["stores"] == "mirror"
    assert f"stores/main/{image_id}" not in api.files()
    assert api.http.get(f"/v2/images/{image_id}/file").content == DATA
    assert api.http.delete(f"/v2/stores/main/{image_id}").status_code == 403
    assert api.http.delete(f"/v2/stores/mirror/{image_id}").status_code == 403
    assert f"stores/mirror/{image_id}" in api.files()


def test_what_cannot_be_removed_from_a_store(api: Api) -> None:
    image_id = twofold(api, ALICE)
    assert api.http.delete(f"/v2/stores/nothing/{image_id}").status_code == 409
    assert api.http.delete(f"/v2/stores/main/{NOWHERE}").status_code == 404
    assert api.http.delete(f"/v2/stores/main/{image_id}", headers=auth(BOB)).status_code == 404
    assert api.http.delete(f"/v2/stores/main/{image_id}", headers=auth(ALICE)).status_code == 403
    assert api.http.delete(f"/v2/stores/main/{api.create()}").status_code == 409
    elsewhere = api.active(DATA)
    api.catalog.locations.add(elsewhere, NewLocation("http://elsewhere/x", None))
    assert api.http.delete(f"/v2/stores/mirror/{elsewhere}").status_code == 404


def test_with_a_single_store_there_is_nothing_to_remove_from(start: Start, tmp_path: Path) -> None:
    configuration = tmp_path / "glance-api.conf"
    configuration.write_text("[DEFAULT]\n")
    service = start(configuration=configuration)
    assert service.http.delete(f"/v2/stores/file/{service.active(DATA)}").status_code == 404
