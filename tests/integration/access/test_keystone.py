"""Tokens of a real Keystone, and what else a request may claim."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.integration.access.conftest import Start
from tests.integration.api.service import Api, Upload, auth
from tests.servers.identity import Identity, password
from tests.servers.keystone import authtoken

CLAIMS = {
    "X-Identity-Status": "Confirmed",
    "X-Service-Identity-Status": "Confirmed",
    "X-User-Id": "root",
    "X-Project-Id": "everything",
    "X-Tenant-Id": "everything",
    "X-Roles": "admin",
    "X-Role": "admin",
    "X-Service-Roles": "service",
    "X-Is-Admin-Project": "True",
    "OpenStack-System-Scope": "all",
    "Remote-User": "root",
}
NOWHERE = "00000000-0000-0000-0000-000000000000"


@pytest.fixture(scope="module")
def tokens(identity: Identity) -> dict[str, str]:
    """A token of each of these people."""
    return {name: identity.token(name) for name in ("admin", "nova", "ann", "mia", "ron", "zoe")}


def create(api: Api, token: str, **body: object) -> dict[str, object]:
    answer = api.http.post("/v2/images", json=body, headers=auth(token))
    assert answer.status_code == 201, answer.text
    made: dict[str, object] = answer.json()
    return made


def show(api: Api, token: str, image: dict[str, object]) -> int:
    return api.http.get(f"/v2/images/{image['id']}", headers=auth(token)).status_code


def test_a_token_says_for_whom_and_as_what(api: Api, tokens: dict[str, str], operator: Identity) -> None:
    image = create(api, tokens["ann"], name="ann's")
    assert image["owner"] == operator.project("blue")
    seen = {name: show(api, token, image) for name, token in tokens.items()}
    assert seen == {"admin": 200, "nova": 404, "ann": 200, "mia": 200, "ron": 200, "zoe": 404}
    changed = {
        name: api.http.put(f"/v2/images/{image['id']}/tags/x", headers=auth(token)).status_code
        for name, token in tokens.items()
    }
    assert changed == {"admin": 204, "nova": 404, "ann": 204, "mia": 204, "ron": 403, "zoe": 404}
    assert api.http.post("/v2/images", json={}, headers=auth(tokens["ron"])).status_code == 403


@pytest.mark.parametrize(
    "token", [None, "", "nonsense", "a:blue:admin", "gAAAAABn" + "A" * 180, "x" * 16_000, "é", "a b\tc"]
)
@pytest.mark.parametrize("accept", [None, "application/json"])
def test_without_a_good_token_keystone_is_pointed_at(
    api: Api, identity: Identity, token: str | None, accept: str | None
) -> None:
    headers = {"Accept": accept or ""}
    if token is not None:
        headers["X-Auth-Token"] = token
    answer = api.http.get("/v2/images", headers=httpx.Headers(headers, encoding="latin-1"))
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == f'Keystone uri="{identity.url}"'
    assert answer.headers["content-type"] == "text/plain; charset=UTF-8"
    assert answer.text.startswith("401 Unauthorized\n\n")


@pytest.mark.parametrize("spelling", [lambda name: name, lambda name: name.replace("-", "_")])
def test_claims_count_for_nothing(
    api: Api, tokens: dict[str, str], operator: Identity, spelling: object
) -> None:
    assert callable(spelling)
    claims = {spelling(name): value for name, value in CLAIMS.items()}
    assert api.http.get("/v2/images", headers=claims).status_code == 401
    other = create(api, tokens["zoe"])
    answer = api.http.get(f"/v2/images/{other['id']}", headers={**auth(tokens["ann"]), **claims})
    assert answer.status_code == 404
    made = api.http.post("/v2/images", json={}, headers={**auth(tokens["ann"]), **claims})
    assert made.json()["owner"] == operator.project("blue")
    assert api.http.post("/v2/images", json={}, headers={**auth(tokens["ron"]), **claims}).status_code == 403


def test_a_token_that_was_remembered_for_one_caller_is_not_anothers(api: Api, tokens: dict[str, str]) -> None:
    image = create(api, tokens["ann"])
    for _ in range(3):
        assert [show(api, tokens[name], image) for name in ("ann", "zoe", "ron", "admin")] == [
            200, 404, 200, 200,
        ]  # fmt: skip


def test_many_first_requests_at_once(api: Api, identity: Identity, tokens: dict[str, str]) -> None:
    image = create(api, tokens["ann"])
    new = {name: identity.token(name) for name in ("ann", "zoe")}

    def ask(number: int) -> int:
        return show(api, new["zoe"] if number % 4 == 0 else new["ann"], image)

    with ThreadPoolExecutor(40) as pool:
        assert list(pool.map(ask, range(40))) == [404, 200, 200, 200] * 10


def test_a_service_hands_a_request_on(api: Api, tokens: dict[str, str]) -> None:
    image = create(api, tokens["ann"])
    path = f"/v2/images/{image['id']}"
    service = {**auth(tokens["ann"]), "X-Service-Token": tokens["nova"]}
    assert api.http.get(path, headers=service).status_code == 200
    # One that is no token of a service makes the whole request a bad one.
    for bad in (tokens["zoe"], "nonsense"):
        answer = api.http.get(path, headers={**service, "X-Service-Token": bad})
        assert answer.status_code == 401
    # Alone it says nothing about a user.
    assert api.http.get(path, headers={"X-Service-Token": tokens["nova"]}).status_code == 401


@pytest.mark.parametrize("scope", [{"system": {"all": True}}, {"domain": {"id": "default"}}])
def test_a_token_that_is_not_of_a_project_is_refused(
    api: Api, identity: Identity, operator: Identity, scope: object
) -> None:
    _, found = operator.call("GET", "/users?name=admin")
    _, roles = operator.call("GET", "/roles?name=admin")
    grant = f"/users/{found['users'][0]['id']}/roles/{roles['roles'][0]['id']}"
    operator.call("PUT", f"/domains/default{grant}")
    answer = api.http.get("/v2/images", headers=auth(identity.token("admin", scope)))
    assert answer.status_code == 403
    assert "of a project" in answer.text


def test_access_rules_of_an_application_credential_hold_for_each_request(
    api: Api, identity: Identity
) -> None:
    ann = identity.as_user("ann")
    rules = [{"method": "GET", "path": "/v2/images", "service": "image"}]
    _, me = ann.call("GET", "/auth/tokens", None, **{"X-Subject-Token": ann.own or ""})
    _, made = ann.call(
        "POST",
        f"/users/{me['token']['user']['id']}/application_credentials",
        {"application_credential": {"name": f"lister {api.port}", "access_rules": rules}},
    )
    given = made["application_credential"]
    method = {
        "methods": ["application_credential"],
        "application_credential": {"id": given["id"], "secret": given["secret"]},
    }
    headers, _ = identity.call("POST", "/auth/tokens", {"auth": {"identity": method}})
    token = auth(headers["X-Subject-Token"])
    for _ in range(2):
        # Every prefix is a name of the same thing.
        assert api.http.get("/v2/images", headers=token).status_code == 200
        assert api.http.get("/v2.9/images?limit=1", headers=token).status_code == 200
        assert api.http.get(f"/v2/images/{NOWHERE}", headers=token).status_code == 401
        assert api.http.post("/v2/images", json={}, headers=token).status_code == 401


def test_a_revoked_token_is_refused_as_early_as_the_cache_time_says(
    start: Start, identity: Identity, operator: Identity
) -> None:
    with_short_memory = start("keystone", authtoken(identity.url, token_cache_time=1))
    token = auth(identity.token("ann"))
    assert with_short_memory.http.get("/v2/images", headers=token).status_code == 200
    operator.revoke(token["X-Auth-Token"])
    with_short_memory.wait(
        lambda: with_short_memory.http.get("/v2/images", headers=token).status_code == 401, 10
    )


def test_without_any_cache_it_is_refused_at_once(
    start: Start, identity: Identity, operator: Identity
) -> None:
    forgetful = start("keystone", authtoken(identity.url, token_cache_time=-1))
    token = auth(identity.token("ann"))
    assert forgetful.http.get("/v2/images", headers=token).status_code == 200
    operator.revoke(token["X-Auth-Token"])
    assert forgetful.http.get("/v2/images", headers=token).status_code == 401


def test_an_upload_is_refused_before_its_body_has_come(api: Api, tokens: dict[str, str]) -> None:
    image = create(api, tokens["ann"], disk_format="raw", container_format="bare")
    upload = Upload(api, str(image["id"]), X_Auth_Token="nonsense", Content_Length="1000000000")
    upload.send(b"x" * 1000)
    assert upload.status() == 401
    upload.close()


def test_what_needs_nobody_stays_open(api: Api) -> None:
    for path, status in (("/", 300), ("/versions", 200), ("/healthcheck", 200), ("/openapi.json", 200)):
        assert api.http.get(path).status_code == status
    assert api.http.options("/v2/images").status_code == 200


def test_no_secret_is_written_anywhere(api: Api, tokens: dict[str, str]) -> None:
    image = create(api, tokens["ann"], name="secrets")
    assert show(api, tokens["ann"], image) == 200
    assert api.http.get("/v2/images", headers=auth("secret-nonsense")).status_code == 401
    written = b"".join(path.read_bytes() for path in api.data.rglob("*") if path.is_file())
    configuration = (api.data / "glance-api.conf").read_bytes()
    written = written.replace(configuration, b"")
    for secret in (tokens["ann"], password("glance"), "secret-nonsense"):
        assert secret.encode() not in written
