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
        "Basic " + "QUFB" * 10_000,
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


def test_anonymous_access_is_for_reading_what_is_open(start: Start, tmp_path: Path) -> None:
    make_site(tmp_path / "data")
    api = start("http_basic", options="allow_anonymous_access = true")
    made = {
        visibility: api.http.post(
            "/v2/images", json={"visibility": visibility, "name": visibility, **RAW}, auth=basic("olga")
        ).json()["id"]
        for visibility in ("public", "community", "shared", "private")
    }
    shown = {name: api.http.get(f"/v2/images/{image}").status_code for name, image in made.items()}
    assert shown == {"public": 200, "community": 200, "shared": 404, "private": 404}
    assert [image["name"] for image in api.http.get("/v2/images").json()["images"]] == ["public"]
    for image in made.values():
        api.http.put(f"/v2/images/{image}/file", content=b"data", headers=BYTES, auth=basic("olga"))
    read = {name: api.http.get(f"/v2/images/{image}/file").status_code for name, image in made.items()}
    assert read == {"public": 200, "community": 403, "shared": 404, "private": 404}
    path = f"/v2/images/{made['public']}"
    for method, where in (
        ("POST", "/v2/images"),
        ("DELETE", path),
        ("PUT", path + "/tags/x"),
        ("PATCH", path),
    ):
        answer = api.http.request(method, where)
        assert answer.status_code == 403, (method, where)
        # Bad credentials are told where they would have been needed.
        assert api.http.request(method, where, auth=basic("ann", "?")).status_code == 401
    assert api.http.get(path, auth=basic("ann", "?")).status_code == 200


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
