"""What holds for every request: versions, prefixes, request ids, wrong paths and verbs."""

import uuid
from pathlib import Path

import pytest

from glimpse.cli.serve import answers
from tests.integration.api.conftest import Start
from tests.integration.api.service import Api


def test_the_health_check_needs_nothing(api: Api) -> None:
    answer = api.http.get("/healthcheck", headers={"X-Auth-Token": "bro:ken"})
    assert (answer.status_code, answer.text) == (200, "OK")
    assert answer.headers["content-type"].startswith("text/plain")


def test_a_path_that_is_kept_free_is_not_found(api: Api) -> None:
    answer = api.http.get("/metrics", headers={"X-Auth-Token": "bro:ken", "Accept": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (404, "404 Not Found")


def test_proxies_are_believed_where_the_operator_says_so(api: Api, start: Start) -> None:
    headers = {
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "cloud.example",
        "X-Forwarded-Prefix": "/image",
    }
    service = start({"oslo_middleware.enable_proxy_headers_parsing": True})
    for asked, base in ((api, api.url), (service, "https://cloud.example/image")):
        document = asked.http.get("/", headers=headers).json()
        assert document["versions"][0]["links"][0]["href"] == f"{base}/v2/"
        created = asked.http.post("/v2/images", json={}, headers=headers)
        assert created.headers["location"] == f"{base}/v2/images/{created.json()['id']}"
    assert service.http.get("/").json()["versions"][0]["links"][0]["href"] == f"{service.url}/v2/"


def test_a_file_turns_load_balancers_away_and_nobody_else(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "away"
    service = start({"healthcheck.disable_by_file_path": str(file)})
    assert answers("127.0.0.1", service.port)
    file.touch()
    answer = service.http.get("/healthcheck")
    assert (answer.status_code, answer.text) == (503, "DISABLED BY FILE")
    assert answer.headers["content-type"].startswith("text/plain")
    assert service.http.get("/v2/images").status_code == 200
    assert answers("127.0.0.1", service.port), "the service itself is there"
    file.unlink()
    assert service.http.get("/healthcheck").status_code == 200


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/images", "/v9/x", "/v2.99/images", "/anything", "/images"])
def test_an_unknown_version_is_answered_with_the_choices(api: Api, path: str) -> None:
    answer = api.http.get(path, headers={"X-Auth-Token": "bro:ken"})
    assert answer.status_code == 300
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-openstack-request-id"].startswith("req-")
    versions = answer.json()["versions"]
    assert versions[0] == {
        "id": "v2.15",
        "status": "SUPPORTED",
        "links": [{"rel": "self", "href": f"{api.url}/v2/"}],
    }
    assert [version["id"] for version in versions if version["status"] == "CURRENT"] == ["v2.17"]


def test_the_versions_have_a_page_of_their_own(api: Api) -> None:
    for path in ("/versions", "/versions/"):
        answer = api.http.get(path)
        assert answer.status_code == 200
        assert answer.json() == api.http.get("/").json()


def test_the_host_that_was_asked_for_is_the_one_that_is_named(api: Api) -> None:
    document = api.http.get("/", headers={"Host": "images.example:1234"}).json()
    assert document["versions"][0]["links"][0]["href"] == "http://images.example:1234/v2/"


@pytest.mark.parametrize("prefix", ["v2", "v2.0", "v2.5", "v2.9", "v2.13", "v2.15", "v2.17"])
def test_every_version_that_is_offered_is_a_prefix(api: Api, prefix: str) -> None:
    assert api.http.get(f"/{prefix}/images").status_code == 200


def test_a_media_type_selects_the_version_of_a_path_without_prefix(api: Api) -> None:
    accept = {"Accept": "application/vnd.openstack.images-v2.15"}
    assert api.http.get("/images", headers=accept).status_code == 200
    assert api.http.get("/nothing", headers=accept).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/v2",
        "/v2/",
        "/v2/images/",
        "/v2/nothing",
        "/v2/images/x/nothing",
        "/v2/info",
        "/v2//images",
    ],
)
def test_an_unknown_path_is_not_found(api: Api, path: str) -> None:
    answer = api.http.get(path, headers={"Accept": "application/json"})
    assert answer.status_code == 404
    assert answer.json()["code"] == "404 Not Found"


@pytest.mark.parametrize("path", ["/v2/%ff", "/v2/images/%ff", "/v2.7/images/x/members/%ed%a0%80"])
def test_a_path_that_is_no_text_is_refused(api: Api, path: str) -> None:
    assert api.http.get(path).status_code == 400


def test_without_a_valid_token_even_an_unknown_path_is_401(api: Api) -> None:
    answer = api.http.get("/v2/nothing", headers={"X-Auth-Token": "bro:ken"})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v2/images", "GET, POST"),
        ("HEAD", "/v2/images", "GET, POST"),
        ("POST", "/v2/images/x", "DELETE, GET, PATCH"),
        ("FOO", "/v2/images/x", "DELETE, GET, PATCH"),
        ("POST", "/v2/images/x/file", "GET, PUT"),
        ("GET", "/v2/images/x/stage", "PUT"),
        ("DELETE", "/v2/images/x/import", "GET, POST"),
        ("POST", "/v2/info/stores", "GET"),
        ("DELETE", "/v2/tasks", "GET, POST"),
        ("POST", "/v2/schemas/tasks", "GET"),
    ],
)
def test_a_wrong_verb_is_answered_with_the_right_ones(api: Api, method: str, path: str, allowed: str) -> None:
    answer = api.http.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


def test_what_is_neither_a_verb_nor_a_path(api: Api) -> None:
    assert api.http.request("FOO", "/v2/nothing").status_code == 501
    assert api.http.request("POST", "/v2/images/x/tasks").status_code == 404


def test_options_are_answered_anywhere(api: Api) -> None:
    for path in ("/", "/v2/images", "/v2/nothing"):
        answer = api.http.options(path, headers={"X-Auth-Token": "bro:ken"})
        assert (answer.status_code, answer.content) == (200, b"")


def test_every_answer_has_a_request_id(api: Api) -> None:
    for path in ("/v2/images", "/v2/nothing"):
        assert api.http.get(path).headers["x-openstack-request-id"].startswith("req-")
    one, two = (api.http.get("/v2/images").headers["x-openstack-request-id"] for _ in range(2))
    assert one != two


def test_a_clients_request_id_is_taken_over(api: Api) -> None:
    for given, seen in (("req-mine", "req-mine"), ("mine", "req-mine"), ("r" * 64, "req-" + "r" * 64)):
        answer = api.http.get("/v2/images", headers={"X-Openstack-Request-Id": given})
        assert answer.headers["x-openstack-request-id"] == seen
    answer = api.http.get("/v2/images", headers={"X-Openstack-Request-Id": "r" * 65})
    assert answer.status_code == 431


def test_errors_have_the_form_that_the_client_asks_for(api: Api) -> None:
    path = f"/v2/images/{uuid.uuid4()}"
    for accept, media in (
        ("application/json", "application/json"),
        ("*/*", "text/html; charset=UTF-8"),
        ("", "text/plain; charset=UTF-8"),
        ("text/plain", "text/plain; charset=UTF-8"),
        ("text/html,*/*;q=0.5", "text/html; charset=UTF-8"),
    ):
        answer = api.http.get(path, headers={"Accept": accept})
        assert (answer.status_code, answer.headers["content-type"]) == (404, media)
        assert "404 Not Found" in answer.text


def test_imports_can_be_forbidden(start: Start) -> None:
    service = start({"DEFAULT.enable_image_import": False})
    versions = service.http.get("/").json()["versions"]
    assert [version["id"] for version in versions] == ["v2.5", "v2.4", "v2.3", "v2.2", "v2.1", "v2.0"]
    assert service.http.get("/v2.6/images").status_code == 300
    created = service.http.post("/v2/images", json={})
    assert "openstack-image-import-methods" not in created.headers
    image = f"/v2/images/{created.json()['id']}"
    assert service.http.get("/v2/info/import").status_code == 404
    assert service.http.get(f"{image}/import").status_code == 404
    assert service.http.post(f"{image}/import", json={"method": {"name": "web-download"}}).status_code == 404
    assert service.http.put(f"{image}/stage", content=b"x").status_code == 404


def test_discovery(api: Api) -> None:
    assert api.http.get("/v2/info/import").json()["import-methods"]["value"] == [
        "glance-direct",
        "web-download",
    ]
    stores = api.http.get("/v2/info/stores").json()["stores"]
    assert [(store["id"], store.get("default")) for store in stores] == [("main", "true"), ("mirror", None)]


def test_a_worker_that_dies_is_replaced_and_one_without_a_server_ends(start: Start) -> None:
    service = start()
    first = service.workers()[0]
    first.kill()
    service.wait(lambda: (found := service.workers()) and found[0].pid != first.pid)
    service.wait(service._answers)
    second = service.workers()[0]
    service.process.kill()
    second.wait(10)
