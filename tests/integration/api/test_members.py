"""Sharing an image with other projects."""

import uuid
from typing import Any

import httpx
import pytest

from tests.integration.api.conftest import Start
from tests.integration.api.service import V21, Api, auth

ALICE = "alice:blue:member"
READER = "rita:blue:reader"
BOB = "bob:red:member"
RED_READER = "rosa:red:reader"
CAROL = "carol:green:member"
EVE = "eve:black:member"


class Shared:
    """An image of Alice's, and what can be asked about whom it is shared with."""

    def __init__(self, api: Api, **body: object) -> None:
        self.api = api
        self.image_id = api.create(ALICE, **body)
        self.path = f"/v2/images/{self.image_id}/members"

    def call(self, method: str, member: str, token: str | None, body: object = None) -> httpx.Response:
        path = f"{self.path}/{member}" if member else self.path
        return self.api.http.request(method, path, headers=auth(token), json=body)

    def add(self, member: object, token: str | None = ALICE) -> int:
        return self.call("POST", "", token, {"member": member}).status_code

    def answer(self, member: str, status: object, token: str | None) -> int:
        return self.call("PUT", member, token, {"status": status}).status_code

    def members(self, token: str | None) -> list[str]:
        return [member["member_id"] for member in self.call("GET", "", token).json()["members"]]

    def listed(self, token: str, query: str = "") -> bool:
        found = self.api.http.get(f"/v2/images?limit=1000{query}", headers=auth(token)).json()["images"]
        return self.image_id in [image["id"] for image in found]


def test_from_invitation_to_acceptance(api: Api) -> None:
    shared = Shared(api)
    assert shared.add("red") == 200
    member: dict[str, Any] = shared.call("GET", "red", ALICE).json()
    assert list(member) == ["member_id", "image_id", "status", "created_at", "updated_at", "schema"]
    assert (member["member_id"], member["image_id"]) == ("red", shared.image_id)
    assert (member["status"], member["schema"]) == ("pending", "/v2/schemas/member")
    assert shared.call("GET", "", ALICE).json() == {"members": [member], "schema": "/v2/schemas/members"}
    assert api.http.get(f"/v2/images/{shared.image_id}", headers=auth(BOB)).status_code == 200
    assert not shared.listed(BOB)
    assert shared.listed(BOB, "&member_status=pending")
    assert shared.listed(BOB, "&member_status=all&visibility=shared")
    assert shared.answer("red", "accepted", BOB) == 200
    assert shared.listed(BOB)
    assert shared.answer("red", "rejected", BOB) == 200
    assert not shared.listed(BOB)
    assert shared.listed(BOB, "&member_status=rejected")
    assert shared.call("GET", "red", BOB).json()["status"] == "rejected"
    assert api.http.get(f"/v2/images/{shared.image_id}", headers=auth(BOB)).status_code == 200


def test_what_is_taken_back_is_gone_and_can_be_given_again(api: Api) -> None:
    shared = Shared(api)
    assert shared.add("red") == 200
    assert shared.answer("red", "accepted", BOB) == 200
    gone = shared.call("DELETE", "red", ALICE)
    assert (gone.status_code, gone.content) == (204, b"")
    assert shared.call("DELETE", "red", ALICE).status_code == 404
    assert api.http.get(f"/v2/images/{shared.image_id}", headers=auth(BOB)).status_code == 404
    assert shared.members(ALICE) == []
    assert shared.add("red") == 200
    assert shared.call("GET", "red", ALICE).json()["status"] == "pending"


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "red",
        {},
        {"member": ""},
        {"member": None},
        {"member": 1},
        {"member": "x" * 256},
        {"member": "\0"},
    ],
)
def test_who_is_invited_must_be_named(api: Api, body: object) -> None:
    shared = Shared(api)
    assert shared.call("POST", "", ALICE, body).status_code == 400
    assert shared.members(ALICE) == []


@pytest.mark.parametrize(
    "body", [{}, [], {"status": ""}, {"status": "maybe"}, {"status": None}, {"status": 1}]
)
def test_an_answer_is_one_of_three(api: Api, body: object) -> None:
    shared = Shared(api)
    assert shared.add("red") == 200
    assert shared.call("PUT", "red", BOB, body).status_code == 400
    assert shared.call("GET", "red", BOB).json()["status"] == "pending"


def test_twice_is_too_often_and_quotas_hold(start: Start) -> None:
    shared = Shared(start({"DEFAULT.image_member_quota": 2}))
    assert [shared.add(member) for member in ("red", "red", "green", "black")] == [200, 409, 200, 413]
    assert shared.call("DELETE", "red", ALICE).status_code == 204
    assert shared.add("black") == 200


def test_members_know_only_of_themselves(api: Api) -> None:
    shared = Shared(api)
    assert [shared.add(project) for project in ("red", "green")] == [200, 200]
    assert sorted(shared.members(ALICE)) == sorted(shared.members(READER)) == ["green", "red"]
    assert sorted(shared.members(None)) == ["green", "red"]
    assert shared.members(BOB) == shared.members(RED_READER) == ["red"]
    assert shared.call("GET", "green", BOB).status_code == 404
    assert shared.call("GET", "green", READER).status_code == 200


def test_who_may_what(api: Api) -> None:
    shared = Shared(api)
    assert shared.add("red") == 200
    assert [shared.add("black", token) for token in (READER, BOB, EVE)] == [403, 403, 404]
    assert shared.answer("red", "accepted", ALICE) == 403
    assert shared.answer("red", "accepted", RED_READER) == 403
    assert shared.answer("red", "accepted", EVE) == 404
    assert shared.answer("green", "accepted", BOB) == 404
    assert shared.answer("red", "accepted", None) == 200
    codes = [shared.call("DELETE", "red", token).status_code for token in (READER, BOB, EVE, None)]
    assert codes == [403, 403, 404, 204]


@pytest.mark.parametrize("visibility", ["private", "public", "community"])
def test_only_shared_images_have_members(api: Api, visibility: str) -> None:
    shared = Shared(api)
    assert shared.add("red") == 200
    change = [{"op": "replace", "path": "/visibility", "value": visibility}]
    path = f"/v2/images/{shared.image_id}"
    assert api.http.patch(path, json=change, headers=V21).status_code == 200
    for token in (ALICE, None):
        assert shared.add("green", token) == 403
        assert shared.call("GET", "", token).status_code == 403
        assert shared.call("GET", "red", token).status_code == 404
        assert shared.answer("red", "accepted", token) == 403
        assert shared.call("DELETE", "red", token).status_code == 403
    others = 404 if visibility == "private" else 403
    assert shared.add("green", BOB) == others
    assert shared.call("GET", "", BOB).status_code == others
    assert shared.call("GET", "red", BOB).status_code == 404
    assert api.http.patch(path, json=[{**change[0], "value": "shared"}], headers=V21).status_code == 200
    assert shared.members(ALICE) == ["red"]


def test_what_is_not_there_has_no_members(api: Api) -> None:
    nothing = f"/v2/images/{uuid.uuid4()}/members"
    assert api.http.get(nothing).status_code == 404
    assert api.http.post(nothing, json={"member": "red"}).status_code == 404
    assert api.http.post(nothing, json={}).status_code == 400
    assert api.http.put(f"{nothing}/red", json={"status": "accepted"}).status_code == 404
    assert api.http.delete(f"{nothing}/red").status_code == 404
