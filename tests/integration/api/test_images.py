"""Images without their data: create, list, show, change, delete, and who may."""

import httpx
import pytest

from tests.integration.api.conftest import Start
from tests.integration.api.service import V21, Api, auth

ALICE = "alice:blue:member"
BOB = "bob:red:member"
READER = "rita:blue:reader"


def patch(api: Api, image_id: str, *changes: object, token: str | None = None) -> httpx.Response:
    return api.http.patch(f"/v2/images/{image_id}", json=changes, headers={**V21, **auth(token)})


def test_a_new_image_is_queued_and_says_where_it_is(api: Api) -> None:
    answer = api.http.post(
        "/v2/images", json={"name": "über", "colour": "grün", "tags": ["b", "a", "b"]}, headers=auth(ALICE)
    )
    assert answer.status_code == 201
    shown = answer.json()
    assert answer.headers["location"] == f"{api.url}/v2/images/{shown['id']}"
    assert answer.headers["openstack-image-import-methods"] == "glance-direct,web-download"
    assert answer.headers["openstack-image-store-ids"] == "main,mirror"
    assert "über".encode() in answer.content
    assert shown["status"] == "queued"
    assert shown["visibility"] == "shared"
    assert shown["owner"] == "blue"
    assert shown["colour"] == "grün"
    assert sorted(shown["tags"]) == ["a", "b"]
    assert api.show(shown["id"]) == shown


def test_an_id_is_taken_for_ever(api: Api) -> None:
    image_id = "aaaaaaaa-0000-0000-0000-000000000001"
    assert api.create(id=image_id) == image_id
    assert api.http.post("/v2/images", json={"id": image_id}).status_code == 409
    assert api.http.delete(f"/v2/images/{image_id}").status_code == 204
    assert api.http.get(f"/v2/images/{image_id}").status_code == 404
    assert api.http.delete(f"/v2/images/{image_id}").status_code == 404
    assert api.http.post("/v2/images", json={"id": image_id}).status_code == 409


def test_a_protected_image_cannot_be_deleted(api: Api) -> None:
    image_id = api.create(protected=True)
    assert api.http.delete(f"/v2/images/{image_id}").status_code == 403
    assert patch(api, image_id, {"op": "replace", "path": "/protected", "value": False}).status_code == 200
    assert api.http.delete(f"/v2/images/{image_id}").status_code == 204


def test_who_sees_and_changes_what(api: Api) -> None:
    mine = api.create(ALICE, visibility="private")
    assert api.http.get(f"/v2/images/{mine}", headers=auth(ALICE)).status_code == 200
    assert api.http.get(f"/v2/images/{mine}", headers=auth(READER)).status_code == 200
    assert patch(api, mine, {"op": "add", "path": "/a", "value": "b"}, token=READER).status_code == 403
    for method, path in (
        ("GET", ""),
        ("DELETE", ""),
        ("GET", "/file"),
        ("GET", "/import"),
        ("GET", "/tasks"),
    ):
        assert api.http.request(method, f"/v2/images/{mine}{path}", headers=auth(BOB)).status_code == 404
    assert patch(api, mine, {"op": "add", "path": "/a", "value": "b"}, token=BOB).status_code == 404
    listed = api.http.get("/v2/images", headers=auth(BOB)).json()["images"]
    assert mine not in [image["id"] for image in listed]

    published = patch(api, mine, {"op": "replace", "path": "/visibility", "value": "public"})
    assert published.status_code == 200
    assert api.http.get(f"/v2/images/{mine}", headers=auth(BOB)).status_code == 200
    assert patch(api, mine, {"op": "add", "path": "/a", "value": "b"}, token=BOB).status_code == 403
    assert api.http.delete(f"/v2/images/{mine}", headers=auth(BOB)).status_code == 403


def test_what_a_member_may_not(api: Api) -> None:
    mine = api.create(ALICE)
    change = {"op": "replace", "path": "/visibility", "value": "public"}
    assert patch(api, mine, change, token=ALICE).status_code == 403
    assert patch(api, mine, {**change, "value": "community"}, token=ALICE).status_code == 200
    assert (
        patch(api, mine, {"op": "replace", "path": "/owner", "value": "red"}, token=ALICE).status_code == 403
    )
    for body in ({"owner": "red"}, {"visibility": "public"}):
        assert api.http.post("/v2/images", json=body, headers=auth(ALICE)).status_code == 403
    assert api.http.post("/v2/images", json={}, headers=auth(READER)).status_code == 403
    assert api.http.get("/v2/images", headers=auth("x:y:nothing")).status_code == 403


def test_changes_in_both_media_types(api: Api) -> None:
    image_id = api.create(colour="blue")
    answer = patch(
        api,
        image_id,
        {"op": "add", "path": "/shape", "value": "round"},
        {"op": "replace", "path": "/name", "value": "new"},
        {"op": "remove", "path": "/colour"},
        {"op": "replace", "path": "/tags", "value": ["x"]},
    )
    assert answer.status_code == 200
    assert answer.json() == api.show(image_id)
    assert (answer.json()["shape"], answer.json()["name"], answer.json()["tags"]) == ("round", "new", ["x"])
    assert "colour" not in answer.json()
    old = {"Content-Type": "application/openstack-images-v2.0-json-patch"}
    path = f"/v2/images/{image_id}"
    assert api.http.patch(path, json=[{"replace": "/shape", "value": "flat"}], headers=old).status_code == 200
    assert api.http.patch(path, json=[{"add": "/shape", "value": "flat"}], headers=old).status_code == 409
    assert api.show(image_id)["shape"] == "flat"
    assert api.http.patch(path, json=[], headers=V21).status_code == 200


def test_a_refused_list_of_changes_changes_nothing(api: Api) -> None:
    image_id = api.create(name="old")
    answer = patch(
        api, image_id, {"op": "replace", "path": "/name", "value": "new"}, {"op": "remove", "path": "/absent"}
    )
    assert answer.status_code == 409
    assert api.show(image_id)["name"] == "old"


def test_another_media_type_is_refused_and_the_right_ones_are_named(api: Api) -> None:
    answer = api.http.patch(f"/v2/images/{api.create()}", json=[])
    assert answer.status_code == 415
    assert "application/openstack-images-v2.1-json-patch" in answer.headers["accept-patch"]


def test_quotas(start: Start) -> None:
    service = start({"DEFAULT.image_property_quota": 2, "DEFAULT.image_tag_quota": 1})
    assert service.http.post("/v2/images", json={"a": "1", "b": "2", "c": "3"}).status_code == 413
    assert service.http.post("/v2/images", json={"tags": ["a", "b"]}).status_code == 413
    image_id = service.create(a="1", b="2", tags=["a"])
    add = {"op": "add", "path": "/c", "value": "3"}
    assert patch(service, image_id, add).status_code == 413
    assert patch(service, image_id, {"op": "remove", "path": "/a"}, add).status_code == 200
    assert (
        patch(service, image_id, {"op": "replace", "path": "/tags", "value": ["a", "b"]}).status_code == 413
    )


def test_a_listing_comes_in_pages(start: Start) -> None:
    service = start({"DEFAULT.limit_param_default": 2, "DEFAULT.api_limit_max": 3})
    ids = [service.create(name=f"n{number}", tags=["x", "y"]) for number in range(5)]
    seen: list[str] = []
    page = service.http.get("/v2/images?tag=x&tag=y").json()
    assert list(page) == ["images", "first", "schema", "next"]
    assert page["first"] == "/v2/images?tag=x&tag=y"
    while True:
        seen += [image["id"] for image in page["images"]]
        if "next" not in page:
            break
        assert page["next"].startswith("/v2/images?tag=x&tag=y&marker=")
        page = service.http.get(page["next"]).json()
    assert seen == ids[::-1]
    assert len(service.http.get("/v2/images?limit=100").json()["images"]) == 3
    nothing = service.http.get("/v2/images?limit=0").json()
    assert nothing == {"images": [], "first": "/v2/images?limit=0", "schema": "/v2/schemas/images"}
    named = service.http.get("/v2/images?sort=name:asc&limit=3").json()["images"]
    assert [image["name"] for image in named] == ["n0", "n1", "n2"]
    assert [image["id"] for image in service.http.get("/v2/images?name=n3").json()["images"]] == [ids[3]]
    assert service.http.get("/v2/images?tag=x&tag=z").json()["images"] == []


@pytest.mark.parametrize("query", ["visibility=private", "colour=red", "status=queued&colour=red"])
def test_filters(api: Api, query: str) -> None:
    wanted = api.create(visibility="private", colour="red")
    other = api.create(colour="green")
    listed = [image["id"] for image in api.http.get(f"/v2/images?limit=1000&{query}").json()["images"]]
    assert wanted in listed
    assert other not in listed


def test_hidden_images_are_listed_on_request_only(api: Api) -> None:
    image_id = api.create(os_hidden=True)
    ids = [image["id"] for image in api.http.get("/v2/images?limit=1000").json()["images"]]
    hidden = [image["id"] for image in api.http.get("/v2/images?limit=1000&os_hidden=true").json()["images"]]
    assert image_id in hidden
    assert image_id not in ids
