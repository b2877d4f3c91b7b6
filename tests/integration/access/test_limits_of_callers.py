"""Whom limits hold for, and what happens where Keystone cannot say what they are."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from glimpse.testing.httpserver import HttpServer, Reply
from tests.integration.access.unified import RESOURCES, Limits, configuration, section
from tests.integration.api.service import Api, auth
from tests.servers.identity import Identity
from tests.servers.keystone import authtoken
from tests.servers.proxy import Proxy

Begin = Callable[..., Api]


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    """Starts services with these sections; they end with the test."""
    with ExitStack() as stack:

        def start(*sections: str, flavor: str = "") -> Api:
            file = configuration(tmp_path / str(len(list(tmp_path.iterdir()))), *sections, flavor=flavor)
            return stack.enter_context(Api(file.parent, configuration=file))

        yield start


def create(api: Api, token: str | None, **body: object) -> int:
    return api.http.post("/v2/images", json=body, headers=auth(token)).status_code


def test_nobody_is_exempt_and_owners_are_charged(
    begin: Begin, identity: Identity, operator: Identity
) -> None:
    limits = Limits(operator, image_count_total=2)
    asked = section(identity.url, endpoint_region_name=limits.region)
    flavored = "keystone\n[DEFAULT]\nallow_anonymous_access = true"
    api = begin(authtoken(identity.url), asked, flavor=flavored)
    ann, mia, zoe, admin = (identity.token(name) for name in ("ann", "mia", "zoe", "admin"))
    assert [create(api, token) for token in (ann, mia, ann)] == [201, 201, 413], "of one project"
    green = operator.project("green")
    assert [create(api, admin, owner=green) for _ in range(3)] == [201, 201, 413], "whoever makes them"
    assert create(api, zoe) == 413
    assert [create(api, admin) for _ in range(3)] == [201, 201, 413]
    assert create(api, None) in (401, 403)
    shown = {
        name: api.http.get("/v2/info/usage", headers=auth(token)).json()["usage"]
        for name, token in (("ann", ann), ("anonymous", None))
    }
    nothing = {name: {"usage": 0, "limit": -1} for name in RESOURCES}
    assert shown["ann"] == {**nothing, "image_count_total": {"usage": 2, "limit": 2}}
    assert shown["anonymous"] == {**nothing, "image_count_total": {"usage": 0, "limit": 2}}


def test_what_nobody_owns_and_what_is_not_registered(
    begin: Begin, identity: Identity, operator: Identity
) -> None:
    limits = Limits(operator, image_count_total=1, image_count_uploading=-2)
    api = begin(section(identity.url, endpoint_region_name=limits.region))
    image_id = api.create()
    assert create(api, None) == 413
    assert create(api, f"ann:{limits.project(image_count_total=-1)}:member") == 201
    answer = api.put(image_id, b"data")
    assert answer.status_code == 413
    assert "may have 0 of image_count_uploading" in answer.text
    assert (
        "Not registered in Keystone, and so limited to nothing: image_count_uploading" in api.log.read_text()
    )


def test_limits_that_cannot_be_looked_up_are_the_operators_business(begin: Begin, identity: Identity) -> None:
    for wrong in ({"password": "s3cret"}, {"endpoint_region_name": "nowhere"}):
        api = begin(section(identity.url, **wrong))
        answer = api.http.post("/v2/images", json={})
        assert answer.status_code == 500
        assert "The limits of this service cannot be looked up." in answer.text
        assert api.http.get("/v2/info/usage").status_code == 500
        assert api.http.get("/v2/images").status_code == 200
        log = api.log.read_text()
        assert "[oslo_limit] cannot be used" in log
        assert "s3cret" not in log + answer.text


def test_a_keystone_that_is_away_is_waited_for_by_clients(
    begin: Begin, identity: Identity, operator: Identity
) -> None:
    limits, parts = Limits(operator), urlsplit(identity.url)
    with HttpServer({}) as gone:
        nobody = urlsplit(gone.url()).port
    assert nobody
    assert parts.port
    with Proxy(nobody) as way:
        url = f"http://127.0.0.1:{way.port}{parts.path}"
        api = begin(section(url, endpoint_region_name=limits.region))
        answer = api.http.post("/v2/images", json={})
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5"), answer.text
        assert "Keystone cannot say now what this project may have." in answer.text
        way.server = parts.port
        api.wait(lambda: create(api, None) == 201)


def test_nobody_else_waits_for_a_keystone_that_does_not_answer(begin: Begin) -> None:
    with HttpServer({path: Reply(silent=True) for path in ("/v3", "/v3/", "/v3/auth/tokens")}) as silent:
        api = begin(section(silent.url("/v3"), timeout=4))
        with ThreadPoolExecutor(20) as pool:
            waiting = [pool.submit(create, api, None) for _ in range(20)]
            api.wait(lambda: silent.requests)
            for _ in range(20):
                assert api.http.get("/v2/images").status_code == 200
            assert not any(each.done() for each in waiting)
            assert {each.result(30) for each in waiting} == {503}
