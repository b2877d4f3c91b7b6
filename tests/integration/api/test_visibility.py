"""Who may do what to whose image: every role, ownership, visibility, membership and operation, through HTTP.

The table says what is answered. Its rows are kinds of callers, by what they are to the image; its columns are the
operations of :data:`OPERATIONS` in their order.
"""

from collections.abc import Callable

import httpx
import pytest

from tests.integration.api.service import V21, Api, auth

# An image belongs to the project blue; red is the project that it may be shared with, green is a stranger.
CALLERS = {
    "without a token": None,
    "admin elsewhere": "ada:ops:admin",
    "admin of the owner": "abe:blue:admin",
    "owner": "alice:blue:member",
    "owner's manager": "max:blue:manager",
    "owner's reader": "rita:blue:reader",
    "owner's guest": "gus:blue:guest",
    "invited": "bob:red:member",
    "invited reader": "rosa:red:reader",
    "invited guest": "gina:red:guest",
    "stranger": "carl:green:member",
    "strange reader": "cleo:green:reader",
    "strange guest": "gil:green:guest",
    "service": "sam:service:service",
}
VISIBILITIES = ("private", "shared", "public", "community")
MEMBERSHIPS = ("none", "pending", "accepted", "rejected")

TABLE = """
                               show load edit del  tag  hide up   list add  see  take drop publ comm
private and its admin          200  200  200  204  204  204  409  403  403  404  403  403  200  200
private and its owner          200  200  200  204  204  204  409  403  403  404  403  403  403  200
private and its reader         200  403  403  403  403  403  403  403  403  404  403  403  403  403
private and others             404  404  404  404  404  404  404  404  404  404  404  404  404  404
shared and its admin           200  200  200  204  204  204  409  200  200  200? 200? 204? 200  200
shared and its owner           200  200  200  204  204  204  409  200  200  200? 403? 204? 403  200
shared and its reader          200  403  403  403  403  403  403  200  403  200? 403? 403  403  403
shared and its member          200  200  403  403  403  403  403  200  403  200  200  403  403  403
shared and its member's reader 200  403  403  403  403  403  403  200  403  200  403  403  403  403
shared and others              404  404  404  404  404  404  404  404  404  404  404  404  404  404
open and its admin             200  200  200  204  204  204  409  403  403  404  403  403  200  200
open and its owner             200  200  200  204  204  204  409  403  403  404  403  403  403  200
open and its reader            200  403  403  403  403  403  403  403  403  404  403  403  403  403
open and others                200  200  403  403  403  403  403  403  403  404  403  403  403  403
open and other readers         200  403  403  403  403  403  403  403  403  404  403  403  403  403
open and guests                404  404  404  404  404  404  404  404  404  404  404  404  404  404
"""
# "200?" is 200 where the project red is a member, and 404 where it is none.
_HEAD, *_LINES = TABLE.strip("\n").splitlines()
WIDTH = _HEAD.index("show")
OPERATIONS = tuple(_HEAD.split())
ROWS = {line[:WIDTH].strip(): tuple(line[WIDTH:].split()) for line in _LINES}

# Who finds the image in a listing that asks for nothing, and in one that asks for its visibility.
LISTED = """
private    admin owner reader                   | admin owner reader
shared     admin owner reader accepted          | admin owner reader accepted
public     admin owner reader accepted stranger | admin owner reader accepted stranger
community  its-admin owner reader               | admin owner reader accepted stranger
"""


def relation(visibility: str, membership: str, caller: str) -> str:
    """The row of the table for this caller, as far as the name of a caller says it."""
    kind = "open" if visibility in ("public", "community") else visibility
    if caller in ("without a token", "admin elsewhere", "admin of the owner"):
        return f"{kind} and its admin"
    if caller in ("owner", "owner's manager", "owner's reader"):
        return f"{kind} and its {'reader' if caller.endswith('reader') else 'owner'}"
    if kind == "open":
        if caller in ("invited", "stranger"):
            return "open and others"
        return "open and other readers" if caller.endswith(" reader") else "open and guests"
    if kind == "shared" and membership != "none" and caller in ("invited", "invited reader"):
        return "shared and its member" if caller == "invited" else "shared and its member's reader"
    return f"{kind} and others"


class Case:
    """An image of blue's, and the means to make another."""

    def __init__(self, api: Api, visibility: str, membership: str) -> None:
        self.api = api
        self.visibility = visibility
        self.membership = membership
        self.image_id = self.make()
        assert api.put(self.image_id, b"data").status_code == 204

    def make(self) -> str:
        """Another image of this kind, without data."""
        image_id = self.api.create("alice:blue:member", visibility="shared")
        if self.membership != "none":
            self.request(None, "POST", f"{image_id}/members", json={"member": "red"})
            self.request(None, "PUT", f"{image_id}/members/red", json={"status": self.membership})
        self.publish(None, self.visibility, image_id)
        return image_id

    def request(self, token: str | None, method: str, path: str, **more: object) -> httpx.Response:
        """Below ``/v2/images``."""
        headers = {**auth(token), **more.pop("headers", {})}  # type: ignore[dict-item]
        return self.api.http.request(method, f"/v2/images/{path}", headers=headers, **more)  # type: ignore[arg-type]

    def publish(self, token: str | None, visibility: str, image_id: str | None = None) -> int:
        change = [{"op": "replace", "path": "/visibility", "value": visibility}]
        path = image_id or self.image_id
        return self.request(token, "PATCH", path, json=change, headers=V21).status_code

    def show(self, token: str | None) -> int:
        return self.request(token, "GET", self.image_id).status_code

    def load(self, token: str | None) -> int:
        return self.request(token, "GET", f"{self.image_id}/file").status_code

    def edit(self, token: str | None) -> int:
        change = [{"op": "replace", "path": "/name", "value": "edited"}]
        return self.request(token, "PATCH", self.image_id, json=change, headers=V21).status_code

    def delete(self, token: str | None) -> int:
        return self.request(token, "DELETE", self.make()).status_code

    def tag(self, token: str | None) -> int:
        return self.request(token, "PUT", f"{self.image_id}/tags/x").status_code

    def hide(self, token: str | None) -> int:
        status = self.request(token, "POST", f"{self.image_id}/actions/deactivate").status_code
        self.request(None, "POST", f"{self.image_id}/actions/reactivate")
        return status

    def upload(self, token: str | None) -> int:
        headers = {"Content-Type": "application/octet-stream"}
        return self.request(token, "PUT", f"{self.image_id}/file", content=b"x", headers=headers).status_code

    def members(self, token: str | None) -> int:
        return self.request(token, "GET", f"{self.image_id}/members").status_code

    def add(self, token: str | None) -> int:
        path = f"{self.image_id}/members"
        status = self.request(token, "POST", path, json={"member": "yellow"}).status_code
        self.request(None, "DELETE", f"{path}/yellow")
        return status

    def see(self, token: str | None) -> int:
        return self.request(token, "GET", f"{self.image_id}/members/red").status_code

    def take(self, token: str | None) -> int:
        path = f"{self.image_id}/members/red"
        status = self.request(token, "PUT", path, json={"status": "accepted"}).status_code
        self.request(None, "PUT", path, json={"status": self.membership})
        return status

    def drop(self, token: str | None) -> int:
        path = f"{self.image_id}/members"
        status = self.request(token, "DELETE", f"{path}/red").status_code
        if status == 204:
            self.request(None, "POST", path, json={"member": "red"})
            self.request(None, "PUT", f"{path}/red", json={"status": self.membership})
        return status

    def publicize(self, token: str | None) -> int:
        status = self.publish(token, "public")
        self.publish(None, self.visibility)
        return status

    def communitize(self, token: str | None) -> int:
        status = self.publish(token, "community")
        self.publish(None, self.visibility)
        return status

    def listed(self, token: str | None, query: str) -> bool:
        """Whether the image is in a listing."""
        answer = self.api.http.get(f"/v2/images?id={self.image_id}{query}", headers=auth(token))
        return answer.status_code == 200 and self.image_id in [each["id"] for each in answer.json()["images"]]


ACTS: tuple[Callable[[Case, str | None], int], ...] = (
    Case.show, Case.load, Case.edit, Case.delete, Case.tag, Case.hide, Case.upload, Case.members, Case.add,
    Case.see, Case.take, Case.drop, Case.publicize, Case.communitize,
)  # fmt: skip


@pytest.fixture(
    scope="module",
    params=[(seen, member) for seen in VISIBILITIES for member in MEMBERSHIPS],
    ids=lambda kind: "-".join(kind),
)
def case(request: pytest.FixtureRequest, api: Api) -> Case:
    return Case(api, *request.param)


@pytest.mark.parametrize("caller", CALLERS)
def test_what_is_answered(case: Case, caller: str) -> None:
    row = ROWS[relation(case.visibility, case.membership, caller)]
    expected = [int(word[:3]) if word[3:] != "?" or case.membership != "none" else 404 for word in row]
    found = [act(case, CALLERS[caller]) for act in ACTS]
    assert dict(zip(OPERATIONS, found, strict=True)) == dict(zip(OPERATIONS, expected, strict=True))


@pytest.mark.parametrize("caller", CALLERS)
def test_where_it_is_listed(case: Case, caller: str) -> None:
    names = {
        "without a token": {"admin"},
        "admin elsewhere": {"admin"},
        "admin of the owner": {"admin", "its-admin"},
        "owner": {"owner"},
        "owner's manager": {"owner"},
        "owner's reader": {"reader"},
        "invited": {"stranger", case.membership},
        "invited reader": {"stranger", case.membership},
        "stranger": {"stranger"},
        "strange reader": {"stranger"},
    }.get(caller, set())
    for line in LISTED.strip().splitlines():
        visibility, _, rest = line.partition(" ")
        if visibility == case.visibility:
            plain, asked = (set(words.split()) for words in rest.split("|"))
    token = CALLERS[caller]
    assert case.listed(token, "") == bool(names & plain)
    assert case.listed(token, f"&visibility={case.visibility}") == bool(names & asked)
    assert case.listed(token, "&visibility=all") == bool(names & asked)
