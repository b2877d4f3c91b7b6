"""Images whose data is on a web server: given by PATCH, read through the http store."""

import hashlib
import os
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from glimpse.testing.httpserver import HttpServer, Reply
from tests.integration.api.conftest import Start
from tests.integration.api.service import V21, Api, auth, served
from tests.servers.databases import Databases

ALICE = "alice:blue:member"
DATA = os.urandom((1 << 20) + 17)
OTHER = os.urandom((1 << 20) + 18)
SHA512 = hashlib.sha512(DATA).hexdigest()
KNOWN = {"os_hash_algo": "sha512", "os_hash_value": SHA512, "checksum": hashlib.md5(DATA).hexdigest()}
TAGGED = {"ETag": '"one"'}

OPTIONS: Mapping[str, object] = {
    "DEFAULT.show_multiple_locations": True,
    "DEFAULT.show_image_direct_url": True,
    "DEFAULT.enabled_backends": {"main": "file", "web": "http"},
    "web.weight": 5,
    "DEFAULT.image_location_quota": 3,
    "DEFAULT.image_size_cap": 4 << 20,
    "import_filtering_opts.allowed_hosts": ["127.0.0.1"],
    "import_filtering_opts.allowed_ports": [],
    "glimpse.web_stall_timeout": 1.0,
}


@pytest.fixture(scope="module")
def web_api(backend: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A service with a store of web addresses."""
    with served(Api, backend, tmp_path_factory.mktemp("web"), OPTIONS) as running:
        yield running


@pytest.fixture
def server() -> Iterator[HttpServer]:
    replies = {
        "/disk": Reply(DATA, ranges=True, headers=TAGGED),
        "/mirror": Reply(DATA, ranges=True, headers=TAGGED),
        "/third": Reply(DATA, ranges=True, headers=TAGGED),
        "/fourth": Reply(DATA, ranges=True, headers=TAGGED),
        "/whole": Reply(DATA),
        "/other": Reply(OTHER, ranges=True),
        "/large": Reply(bytes(5 << 20)),
        "/nothing": Reply(b""),
    }
    with HttpServer(replies) as running:
        yield running


def patch(
    api: Api, image_id: str, *changes: Mapping[str, object], token: str | None = None
) -> httpx.Response:
    return api.http.patch(f"/v2/images/{image_id}", json=list(changes), headers={**V21, **auth(token)})


def location(url: str, **more: object) -> dict[str, object]:
    return {"url": url, "metadata": {}, **more}


def add(url: str, place: str = "-", **more: object) -> dict[str, object]:
    return {"op": "add", "path": f"/locations/{place}", "value": location(url, **more)}


def replace(*locations: Mapping[str, object]) -> dict[str, object]:
    return {"op": "replace", "path": "/locations", "value": list(locations)}


def names(api: Api, image_id: str) -> list[str]:
    shown = api.show(image_id)["locations"]
    assert isinstance(shown, list)
    return [each["url"].rpartition("/")[2] for each in shown]


def at_web(api: Api, server: HttpServer, *paths: str) -> str:
    """An image with these locations."""
    image_id = api.create()
    answer = patch(api, image_id, *(add(server.url(path)) for path in paths or ("/disk",)))
    assert answer.status_code == 200, answer.text
    return image_id


def file(api: Api, image_id: str, **headers: str) -> httpx.Response:
    return api.http.get(f"/v2/images/{image_id}/file", headers=headers)


def test_an_address_makes_a_queued_image_active(web_api: Api, server: HttpServer) -> None:
    image_id = web_api.create(ALICE)
    answer = patch(web_api, image_id, add(server.url("/disk"), metadata={"rack": 4}), token=ALICE)
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    assert (shown["status"], shown["size"], shown["virtual_size"]) == ("active", len(DATA), len(DATA))
    assert (shown["checksum"], shown["os_hash_value"], shown["stores"]) == (None, None, "web")
    assert shown["locations"] == [{"url": server.url("/disk"), "metadata": {"rack": 4, "store": "web"}}]
    assert shown["direct_url"] == server.url("/disk")
    assert web_api.show(image_id) == shown


@pytest.mark.parametrize("userinfo", ["ann", "ann:secret", ":secret", ""])
def test_an_address_may_hold_no_password(web_api: Api, server: HttpServer, userinfo: str) -> None:
    image_id = web_api.create()
    url = server.url("/disk").replace("//", f"//{userinfo}@")
    posted = web_api.http.post(f"/v2/images/{image_id}/locations", json={"url": url})
    for answer in (
        posted,
        patch(web_api, image_id, add(url)),
        patch(web_api, image_id, replace(location(url))),
    ):
        assert answer.status_code == 400
        assert "has a user name or a password" in answer.text
        assert "web-download" in answer.text
        assert "secret@" not in answer.text
    assert names(web_api, image_id) == []
    assert server.requests == []


def test_data_is_read_from_where_it_is(web_api: Api, server: HttpServer) -> None:
    image_id = at_web(web_api, server)
    server.requests.clear()
    whole = file(web_api, image_id)
    assert (whole.status_code, whole.content) == (200, DATA)
    assert [request.headers["range"] for request in server.requests] == ["bytes=0-"]
    part = file(web_api, image_id, Range="bytes=1000000-1000009")
    assert (part.status_code, part.content) == (206, DATA[1000000:1000010])
    assert part.headers["content-range"] == f"bytes 1000000-1000009/{len(DATA)}"


def test_a_server_that_sends_no_ranges_gives_whole_images_only(web_api: Api, server: HttpServer) -> None:
    image_id = at_web(web_api, server, "/whole")
    assert file(web_api, image_id).content == DATA
    assert file(web_api, image_id, Range="bytes=0-99").content == DATA[:100]
    assert file(web_api, image_id, Range="bytes=100-199").status_code == 400
    assert patch(web_api, image_id, add(server.url("/disk"))).status_code == 200
    assert file(web_api, image_id, Range="bytes=100-199").content == DATA[100:200]


@pytest.mark.parametrize(
    "reply", [Reply(status=404), Reply(OTHER), Reply(DATA, silent=True), Reply(status=503)]
)
def test_data_that_went_away_or_changed_is_not_sent(web_api: Api, server: HttpServer, reply: Reply) -> None:
    image_id = at_web(web_api, server)
    server.replies["/disk"] = reply
    assert file(web_api, image_id).status_code == 503
    assert web_api.show(image_id)["status"] == "active"


def test_when_one_server_breaks_the_next_location_goes_on(web_api: Api, server: HttpServer) -> None:
    server.replies["/whole"] = Reply(DATA, truncate_after=600_000)
    image_id = at_web(web_api, server, "/whole", "/disk")
    assert file(web_api, image_id).content == DATA


def test_a_connection_that_is_cut_is_made_again(web_api: Api, server: HttpServer) -> None:
    image_id = at_web(web_api, server)
    server.replies["/disk"] = Reply(DATA, ranges=True, headers=TAGGED, reset_after=600_000)
    assert file(web_api, image_id).content == DATA


def test_what_is_known_of_the_data_comes_with_its_address(web_api: Api, server: HttpServer) -> None:
    image_id = web_api.create()
    shown = patch(web_api, image_id, add(server.url("/disk"), validation_data=KNOWN)).json()
    assert {name: shown[name] for name in KNOWN} == KNOWN
    again = patch(web_api, image_id, add(server.url("/mirror"), validation_data=KNOWN))
    assert again.status_code == 200
    wrong = {**KNOWN, "os_hash_value": "0" * 128}
    assert patch(web_api, image_id, add(server.url("/third"), validation_data=wrong)).status_code == 409
    late = at_web(web_api, server)
    assert patch(web_api, late, add(server.url("/mirror"), validation_data=KNOWN)).status_code == 409
    assert names(web_api, late) == ["disk"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"os_hash_algo": "sha256", "os_hash_value": "0" * 64},
        {"os_hash_value": "g" * 128},
        {"os_hash_value": "0" * 64},
        {"checksum": "x" * 32},
    ],
)
def test_what_cannot_be_known_of_the_data_is_refused(
    web_api: Api, server: HttpServer, wrong: dict[str, str]
) -> None:
    image_id = web_api.create()
    before = web_api.show(image_id)
    change = add(server.url("/disk"), validation_data={**KNOWN, **wrong})
    assert patch(web_api, image_id, change).status_code == 409
    assert web_api.show(image_id) == before


def test_locations_that_contradict_each_other_are_refused(web_api: Api, server: HttpServer) -> None:
    image_id = web_api.create()
    first = location(server.url("/disk"), validation_data=KNOWN)
    second = location(server.url("/mirror"), validation_data={**KNOWN, "os_hash_value": "0" * 128})
    assert patch(web_api, image_id, replace(first, second)).status_code == 409
    other = location(server.url("/other"))
    assert patch(web_api, image_id, replace(location(server.url("/disk")), other)).status_code == 400
    assert patch(web_api, image_id, add(server.url("/disk")), add(server.url("/other"))).status_code == 400
    assert web_api.show(image_id)["status"] == "queued"


def test_data_that_is_not_safe_is_refused(web_api: Api, server: HttpServer, tmp_path: Path) -> None:
    (tmp_path / "base").write_bytes(bytes(1 << 20))
    create = ["qemu-img", "create", "-q", "-f", "qcow2"]
    subprocess.run([*create, "-b", "base", "-F", "raw", "overlay"], check=True, cwd=tmp_path)
    subprocess.run([*create, "alone", "1M"], check=True, cwd=tmp_path)
    server.replies |= {f"/{name}": Reply(tmp_path / name, ranges=True) for name in ("overlay", "alone")}
    image_id = web_api.create(disk_format="qcow2")
    refused = patch(web_api, image_id, add(server.url("/overlay")))
    assert (refused.status_code, "unsafe qcow2" in refused.text) == (400, True)
    assert patch(web_api, image_id, add(server.url("/alone"))).json()["virtual_size"] == 1 << 20


def test_addresses_at_which_there_is_no_image_are_refused(web_api: Api, server: HttpServer) -> None:
    queued, active = web_api.create(), at_web(web_api, server)
    server.replies["/silent"] = Reply(DATA, silent=True)
    urls = [server.url(path) for path in ("/gone", "/nothing", "/silent")]
    for url in (
        *urls,
        "http://127.0.0.2/disk",
        "http://127.0.0.1:1/disk",
        "file:///etc/passwd",
        "rbd://a/b/c",
    ):
        for image_id in (queued, active):
            answer = patch(web_api, image_id, add(url))
            assert answer.status_code == 400, (url, answer.text)
    assert patch(web_api, queued, add(server.url("/large"))).status_code == 413
    assert (web_api.show(queued)["status"], names(web_api, active)) == ("queued", ["disk"])


def test_positions_duplicates_and_the_quota(web_api: Api, server: HttpServer) -> None:
    image_id = at_web(web_api, server, "/disk", "/mirror")
    assert patch(web_api, image_id, add(server.url("/disk"))).status_code == 400
    assert patch(web_api, image_id, add(server.url("/third"), "3")).status_code == 400
    assert patch(web_api, image_id, add(server.url("/third"), "1")).status_code == 200
    assert names(web_api, image_id) == ["disk", "third", "mirror"]
    assert patch(web_api, image_id, add(server.url("/fourth"))).status_code == 413
    for count in (4, 5):
        many = [location(server.url(f"/{name}")) for name in ("disk", "mirror", "third", "fourth", "whole")]
        assert patch(web_api, web_api.create(), replace(*many[:count])).status_code == 413
    assert len(names(web_api, image_id)) == 3


def test_a_list_is_replaced_by_the_same_addresses_only(web_api: Api, server: HttpServer) -> None:
    image_id = web_api.create()
    first, second = location(server.url("/disk")), location(server.url("/mirror"))
    assert patch(web_api, image_id, replace(first, second)).json()["status"] == "active"
    server.requests.clear()
    shown = patch(web_api, image_id, replace({**second, "metadata": {"a": 1, "store": "web"}}, first)).json()
    assert [each["metadata"] for each in shown["locations"]] == [{"a": 1, "store": "web"}, {"store": "web"}]
    assert server.requests == [], "known addresses are not asked again"
    third = location(server.url("/third"))
    for wrong, status in (((first,), 400), ((first, third), 400), ((first, first), 400), ((), 403)):
        assert patch(web_api, image_id, replace(*wrong)).status_code == status
    assert names(web_api, image_id) == ["mirror", "disk"]


def test_a_change_is_made_as_a_whole_or_not_at_all(web_api: Api, server: HttpServer) -> None:
    image_id = at_web(web_api, server, "/disk", "/mirror")
    before = web_api.show(image_id)
    rename = {"op": "replace", "path": "/name", "value": "new"}
    remove = {"op": "remove", "path": "/locations/0"}
    for wrong in ({**remove, "path": "/locations/1"}, add(server.url("/mirror")), add(server.url("/gone"))):
        answer = patch(web_api, image_id, rename, remove, {"op": "add", "path": "/a", "value": "b"}, wrong)
        assert answer.status_code in (400, 403), answer.text
        assert web_api.show(image_id) == before
    done = patch(
        web_api, image_id, rename, add(server.url("/third"), "0"), {**remove, "path": "/locations/1"}
    )
    assert (done.status_code, done.json()["name"], names(web_api, image_id)) == (
        200,
        "new",
        ["third", "mirror"],
    )


def test_formats_and_address_may_come_together(web_api: Api, server: HttpServer) -> None:
    bare = web_api.http.post("/v2/images", json={}).json()["id"]
    assert patch(web_api, bare, add(server.url("/disk"))).status_code == 400
    formats = [
        {"op": "replace", "path": f"/{name}", "value": value}
        for name, value in (("disk_format", "raw"), ("container_format", "bare"))
    ]
    assert patch(web_api, bare, *formats, add(server.url("/disk"))).json()["status"] == "active"
    qcow2 = [{**formats[0], "value": "qcow2"}, formats[1]]
    another = web_api.http.post("/v2/images", json={}).json()["id"]
    assert patch(web_api, another, *qcow2, add(server.url("/disk"))).status_code == 400


def test_locations_are_changed_while_nobody_fills_the_image(web_api: Api, server: HttpServer) -> None:
    image_id = web_api.create()
    assert web_api.put(image_id, DATA, "stage").status_code == 204
    server.requests.clear()
    assert patch(web_api, image_id, add(server.url("/disk"))).status_code == 409
    withheld = at_web(web_api, server, "/disk", "/mirror")
    assert web_api.http.post(f"/v2/images/{withheld}/actions/deactivate").status_code == 204
    server.requests.clear()
    for change in (add(server.url("/third")), {"op": "remove", "path": "/locations/0"}):
        assert patch(web_api, withheld, change).status_code == 409
    assert server.requests == []


def test_what_lies_on_a_web_server_is_never_removed(web_api: Api, server: HttpServer) -> None:
    image_id = at_web(web_api, server, "/disk", "/mirror")
    assert web_api.http.delete(f"/v2/stores/web/{image_id}").status_code == 204
    assert names(web_api, image_id) == ["mirror"]
    assert web_api.http.delete(f"/v2/stores/web/{image_id}").status_code == 403
    assert web_api.http.delete(f"/v2/stores/main/{image_id}").status_code == 403
    assert web_api.http.delete(f"/v2/images/{image_id}").status_code == 204
    assert {request.method for request in server.requests} == {"GET"}


def test_the_store_is_shown_as_read_only_and_takes_nothing(web_api: Api) -> None:
    stores = web_api.http.get("/v2/info/stores").json()["stores"]
    assert stores == [{"id": "main", "default": "true"}, {"id": "web", "read-only": "true"}]
    detail = web_api.http.get("/v2/info/stores/detail").json()["stores"][1]
    assert (detail["type"], detail["weight"], detail["properties"]) == ("http", 5, {})
    image_id = web_api.create()
    assert web_api.put(image_id, DATA, x_image_meta_store="web").status_code == 400
    assert web_api.put(image_id, DATA, "stage").status_code == 204
    body = {"method": {"name": "glance-direct"}}
    path = f"/v2/images/{image_id}/import"
    assert web_api.http.post(path, json={**body, "stores": ["web"]}).status_code == 409
    assert web_api.http.post(path, json=body, headers={"X-Image-Meta-Store": "web"}).status_code == 409
    assert web_api.http.post(path, json={**body, "all_stores": True}).status_code == 202
    assert [record.stores for record in web_api.catalog.imports.for_image(image_id)] == [("main",)]


def test_downloads_from_servers_that_stall_keep_no_others_waiting(start: Start, server: HttpServer) -> None:
    service = start({**OPTIONS, "glimpse.web_stall_timeout": 30.0})
    near, far = service.active(DATA), at_web(service, server)
    server.replies["/disk"] = Reply(DATA, ranges=True, stall_after=1000)
    server.requests.clear()
    with ThreadPoolExecutor(24) as clients:
        downloads = [clients.submit(file, service, far) for _ in range(24)]
        service.wait(lambda: len(server.requests) == 24)
        assert httpx.get(f"{service.url}/v2/images/{near}/file", timeout=10).content == DATA
        assert not any(download.done() for download in downloads)
        server.resume()
        assert all(download.result().content == DATA for download in downloads)


def test_one_store_in_the_older_way_has_the_web_beside_it(
    start: Start, tmp_path: Path, server: HttpServer
) -> None:
    configuration = tmp_path / "glance-api.conf"
    configuration.write_text(
        "[DEFAULT]\nshow_multiple_locations = true\n[glance_store]\nstores = file,http\n"
        f"filesystem_store_datadir = {tmp_path}/images\n"
        "[import_filtering_opts]\nallowed_hosts = [127.0.0.1]\nallowed_ports = []\n"
    )
    service = start(configuration=configuration)
    image_id = service.create()
    shown = patch(service, image_id, add(server.url("/disk"))).json()
    assert (shown["status"], shown["locations"]) == ("active", [location(server.url("/disk"))])
    assert "stores" not in shown
    assert file(service, image_id).content == DATA
    assert service.http.get("/v2/info/stores").status_code == 404
    uploaded = service.active(DATA)
    assert (tmp_path / "images" / uploaded).read_bytes() == DATA
