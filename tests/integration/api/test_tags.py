"""Tags one by one, and data that is withheld."""

import pytest

from tests.integration.api.conftest import Start
from tests.integration.api.service import Api, auth

ALICE = "alice:blue:member"
READER = "rita:blue:reader"
BOB = "bob:red:member"


def tags(api: Api, image_id: str) -> list[str]:
    found = api.show(image_id)["tags"]
    assert isinstance(found, list)
    return sorted(found)


def test_tags_come_and_go(api: Api) -> None:
    image_id = api.create(ALICE, tags=["old"])
    path = f"/v2/images/{image_id}/tags"
    for tag in ("new", "new", "grün", "two words", "a%3Db"):
        answer = api.http.put(f"{path}/{tag}", headers=auth(ALICE))
        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers["content-type"] == "text/html; charset=UTF-8"
    assert tags(api, image_id) == ["a=b", "grün", "new", "old", "two words"]
    assert api.http.delete(f"{path}/old", headers=auth(ALICE)).status_code == 204
    assert api.http.delete(f"{path}/old", headers=auth(ALICE)).status_code == 404
    assert "old" not in tags(api, image_id)


@pytest.mark.parametrize("tag", ["x" * 256, "%00", "%F0%9F%90%A7"])
def test_what_cannot_be_a_tag(api: Api, tag: str) -> None:
    image_id = api.create()
    assert api.http.put(f"/v2/images/{image_id}/tags/{tag}").status_code == 400
    assert api.http.delete(f"/v2/images/{image_id}/tags/{tag}").status_code == 400
    assert tags(api, image_id) == []


def test_a_tag_has_no_body(api: Api) -> None:
    image_id = api.create()
    assert api.http.put(f"/v2/images/{image_id}/tags/x", content=b"{}").status_code == 400
    assert api.http.get(f"/v2/images/{image_id}/tags/x").status_code == 405
    assert api.http.put(f"/v2/images/{image_id}/tags/x/y").status_code == 404


def test_who_may_tag(api: Api) -> None:
    image_id = api.create(ALICE, visibility="community", tags=["there"])
    for token in (READER, BOB):
        assert api.http.put(f"/v2/images/{image_id}/tags/x", headers=auth(token)).status_code == 403
        assert api.http.delete(f"/v2/images/{image_id}/tags/there", headers=auth(token)).status_code == 403
    private = api.create(ALICE, visibility="private")
    assert api.http.put(f"/v2/images/{private}/tags/x", headers=auth(BOB)).status_code == 404
    assert api.http.put(f"/v2/images/{'0' * 8}/tags/x").status_code == 404


def test_a_tag_too_many(start: Start) -> None:
    service = start({"DEFAULT.image_tag_quota": 2})
    path = f"/v2/images/{service.create(tags=['a'])}/tags"
    assert [service.http.put(f"{path}/{tag}").status_code for tag in ("b", "b", "c")] == [204, 204, 413]


def test_data_is_withheld_and_given_back(api: Api) -> None:
    image_id = api.active(b"data", visibility="public")
    path = f"/v2/images/{image_id}"

    def download() -> tuple[int, int]:
        """As an administrator, and as somebody else."""
        other = api.http.get(f"{path}/file", headers=auth(BOB)).status_code
        return api.http.get(f"{path}/file").status_code, other

    assert download() == (200, 200)
    for _ in range(2):
        answer = api.http.post(f"{path}/actions/deactivate")
        assert (answer.status_code, answer.content) == (204, b"")
    assert api.show(image_id)["status"] == "deactivated"
    assert download() == (200, 403)
    for _ in range(2):
        assert api.http.post(f"{path}/actions/reactivate").status_code == 204
    assert api.show(image_id)["status"] == "active"
    assert download() == (200, 200)


def test_only_data_can_be_withheld(api: Api) -> None:
    path = f"/v2/images/{api.create()}/actions"
    for action in ("deactivate", "reactivate"):
        assert api.http.post(f"{path}/{action}").status_code == 403
        assert api.http.post(f"{path}/{action}", content=b"{}").status_code == 400
    assert api.http.post(f"{path}/explode").status_code == 404
    assert api.http.get(f"{path}/deactivate").status_code == 405


def test_who_may_withhold(api: Api) -> None:
    image_id = api.create(ALICE, visibility="community")
    assert api.put(image_id, b"data").status_code == 204
    path = f"/v2/images/{image_id}/actions/deactivate"
    assert api.http.post(path, headers=auth(BOB)).status_code == 403
    assert api.http.post(path, headers=auth(READER)).status_code == 403
    assert api.http.post(path, headers=auth(ALICE)).status_code == 204
    private = api.create(ALICE, visibility="private")
    hidden = f"/v2/images/{private}/actions/deactivate"
    assert api.http.post(hidden, headers=auth(BOB)).status_code == 404
