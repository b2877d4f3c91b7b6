"""User names and passwords: a service with files that ``htpasswd`` made."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import openstack
import pytest
from openstack.image.v2._proxy import Proxy

from tests.integration.access.conftest import Start, configuration
from tests.integration.access.users import make_site, set_password
from tests.integration.api.service import BYTES, Api

ROOT = Path(__file__).parents[3]
RAW = {"disk_format": "raw", "container_format": "bare"}
CHALLENGE = 'Basic realm="Image service", charset="UTF-8"'


def basic(user: str, password: str | None = None) -> httpx.BasicAuth:
    return httpx.BasicAuth(user, f"{user}'s secret" if password is None else password)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    directory = tmp_path_factory.mktemp("basic")
    make_site(directory)
    with Api(directory, configuration=configuration(directory, "http_basic")) as running:
        yield running


def listing(api: Api, user: str, password: str | None = None) -> int:
    return api.http.get("/v2/images", auth=basic(user, password)).status_code


def test_users_have_the_projects_and_roles_of_the_file(site: Api) -> None:
    made = site.http.post("/v2/images", json={"name": "ann's"}, auth=basic("ann"))
    assert made.json()["owner"] == "blue"
    path = f"/v2/images/{made.json()['id']}"
    assert {
        user: site.http.get(path, auth=basic(user)).status_code for user in ("ann", "olga", "ron", "zoe")
    } == {"ann": 200, "olga": 200, "ron": 200, "zoe": 404}
    assert site.http.post("/v2/images", json={}, auth=basic("ron")).status_code == 403
    # Who has no line is a member of her own project.
    assert site.http.post("/v2/images", json={}, auth=basic("zoe")).json()["owner"] == "zoe"


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Basic",
        "Basic !",
        "Basic YW5u",  # ann
        "Basic YW5uOg==",  # ann:
        "Basic YW5uOgA=",  # ann:\0
        "Basic OmFubidzIHNlY3JldA==",  # :ann's secret
        "Basic /////w==",
        "Basic " + "QUFB" * 3_000,  # as much as a header may hold, nearly
        "Bearer YW5uOmFubidzIHNlY3JldA==",  # ann:ann's secret
        "Digest username=ann",
    ],
)
def test_other_credentials_are_refused(site: Api, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = site.http.get("/v2/images", headers=headers)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, CHALLENGE)
    assert answer.headers["content-type"] == "text/plain; charset=UTF-8"


def test_wrong_names_and_passwords_are_refused_alike(site: Api) -> None:
    wrong = site.http.get("/v2/images", auth=basic("ann", "zoe's secret"))
    nobody = site.http.get("/v2/images", auth=basic("nobody"))
    assert (wrong.status_code, wrong.text) == (nobody.status_code, nobody.text)
    assert listing(site, "ann", "ann's secret ") == 401
    assert listing(site, "ANN") == 401
    assert site.http.get("/v2/images", headers={"X-Auth-Token": "ann:blue:admin"}).status_code == 401
    claims = {"X-Identity-Status": "Confirmed", "X-Roles": "admin", "X-User-Id": "olga"}
    assert site.http.get("/v2/images", headers=claims).status_code == 401


def test_what_the_file_says_now_is_what_holds(start: Start, tmp_path: Path) -> None:
    directory = tmp_path / "data"
    make_site(directory)
    api = start("http_basic")
    assert (listing(api, "ann"), listing(api, "eve")) == (200, 401)
    set_password(directory / "htpasswd", "eve", "eve's secret")
    set_password(directory / "htpasswd", "ann", "changed")
    api.wait(lambda: listing(api, "eve") == 200)
    assert (listing(api, "ann"), listing(api, "ann", "changed")) == (401, 200)
    # A broken file is told of and changes nothing.
    whole = (directory / "htpasswd").read_text()
    (directory / "htpasswd").write_text(whole + "mallory:password\n")
    api.wait(lambda: listing(api, "eve") and "htpasswd:6: should be user:hash" in api.log.read_text())
    assert (listing(api, "eve"), listing(api, "mallory", "password")) == (200, 401)
    # So does one that has gone: nobody becomes a member who was a reader.
    (directory / "htpasswd").write_text(whole)
    (directory / "htpasswd-roles").unlink()
    api.wait(lambda: listing(api, "eve") and "htpasswd-roles: No such file" in api.log.read_text())
    assert api.http.post("/v2/images", json={}, auth=basic("ron")).status_code == 403
    (directory / "htpasswd-roles").write_text("ann:green:reader\n")
    (directory / "htpasswd").write_text("".join(whole.splitlines(keepends=True)[:4]))
    api.wait(lambda: listing(api, "eve") == 401)
    assert api.http.post("/v2/images", json={}, auth=basic("ann", "changed")).status_code == 403


def test_a_flood_of_guesses_does_not_keep_known_users_waiting(start: Start, tmp_path: Path) -> None:
    directory = tmp_path / "data"
    make_site(directory)
    # At cost 11 a hash takes about an eighth of a second.
    set_password(directory / "htpasswd", "slow", "slow's secret", cost="11")
    api = start("http_basic")
    assert listing(api, "slow") == 200
    with ThreadPoolExecutor(60) as pool:
        flood = [pool.submit(listing, api, "slow", f"guess {number}") for number in range(60)]
        # Some are turned away at once, and some wait for their turn; who is known, without a hash, passes them all.
        api.wait(lambda: any(each.done() and each.result() == 503 for each in flood), 30)
        assert listing(api, "slow") == 200
        assert not all(each.done() for each in flood)
        statuses = {each.result() for each in flood}
    assert statuses == {401, 503}


# What is answered to nobody in particular: by operation, to images that are public, community, shared, and private.
ANONYMOUS = """
GET    -                 200 200 404 404
GET    file              200 403 404 404
GET    members           403 403 404 404
GET    members/red       404 404 404 404
GET    locations         403 403 404 404
GET    import            404 404 404 404
GET    tasks             200 200 404 404
PATCH  -                 403 403 403 403
DELETE -                 403 403 403 403
PUT    file              403 403 403 403
PUT    stage             403 403 403 403
POST   import            403 403 403 403
PUT    tags/x            403 403 403 403
DELETE tags/x            403 403 403 403
POST   members           403 403 403 403
PUT    members/red       403 403 403 403
DELETE members/red       403 403 403 403
POST   locations         403 403 403 403
POST   actions/deactivate 403 403 403 403
POST   actions/reactivate 403 403 403 403
"""
VISIBILITIES = ("public", "community", "shared", "private")


def test_anonymous_access_is_for_reading_what_is_open(start: Start, tmp_path: Path) -> None:
    make_site(tmp_path / "data")
    api = start("http_basic", options="allow_anonymous_access = true")
    made = {}
    for visibility in VISIBILITIES:
        body = {"visibility": visibility, "name": visibility, **RAW}
        made[visibility] = api.http.post("/v2/images", json=body, auth=basic("olga")).json()["id"]
        path = f"/v2/images/{made[visibility]}"
        assert api.http.put(f"{path}/file", content=b"data", headers=BYTES, auth=basic("olga")).is_success

    def listed(query: str) -> list[str]:
        return [image["name"] for image in api.http.get(f"/v2/images?{query}").json()["images"]]

    assert listed("") == listed("visibility=public") == ["public"]
    assert listed("visibility=all") == ["community", "public"]
    assert listed("visibility=shared") == listed("visibility=private") == []
    for line in ANONYMOUS.strip().splitlines():
        method, what, *expected = line.split()
        found = []
        for image_id in made.values():
            path = f"/v2/images/{image_id}" + ("" if what == "-" else f"/{what}")
            answer = api.http.request(method, path)
            found.append(str(answer.status_code))
            if method != "GET":
                # Bad credentials are told where they would have been needed.
                assert api.http.request(method, path, auth=basic("ann", "?")).status_code == 401
        assert found == expected, line
    path = f"/v2/images/{made['public']}"
    assert api.http.get(f"{path}/file").content == b"data"
    assert api.http.get(path, auth=basic("ann", "?")).status_code == 200
    others = {"tasks": 403, "info/stores": 200, "info/stores/detail": 403, "schemas/image": 200}
    assert {what: api.http.get(f"/v2/{what}").status_code for what in others} == others
    for where in ("images", "tasks"):
        assert api.http.post(f"/v2/{where}", json={}).status_code == 403


def test_openstacksdk_knows_how(site: Api, tmp_path: Path) -> None:
    data = b"\0" * 10_000 + b"end"
    connection = openstack.connect(
        auth_type="http_basic",
        auth={"endpoint": site.url, "username": "ann", "password": "ann's secret"},
        image_endpoint_override=site.url,
        image_api_version="2",
    )
    images = connection.image
    assert isinstance(images, Proxy)
    image = images.create_image("sdk", data=data, wait=True, disk_format="raw", container_format="bare")
    image = images.get_image(image)
    assert (image.owner, image.status) == ("blue", "active")
    images.download_image(image, output=str(tmp_path / "copy"))
    assert (tmp_path / "copy").read_bytes() == data
    connection.close()


def test_no_password_is_written_anywhere(site: Api) -> None:
    assert listing(site, "ann") == 200
    assert listing(site, "ann", "a wrong secret") == 401
    written = b"".join(path.read_bytes() for path in site.data.rglob("*") if path.is_file())
    assert b"ann's secret" not in written
    assert b"a wrong secret" not in written
