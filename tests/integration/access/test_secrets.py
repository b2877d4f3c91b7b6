"""No secret is where others can read it: not in logs, answers, rows, files, nor among the processes.

The service runs as operators run it, with debug logging, and is given tokens and passwords in every place that there is.
"""

import base64
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from glimpse.access.keyring import KeyRing
from glimpse.testing.authority import Authority
from glimpse.testing.httpserver import HttpServer, Reply
from tests.integration.access.leaks import Watched, leaks
from tests.integration.access.users import set_password
from tests.integration.imports.test_thirdparty import DISTRIBUTIONS, installed
from tests.servers.databases import SQLITE, Databases
from tests.servers.identity import Identity, password
from tests.servers.keystone import authtoken
from tests.servers.server import PASSWORD as DATABASE_PASSWORD

RAW = bytes(range(256)) * 4096
CONFIGURATION = """\
[DEFAULT]
debug = true
enabled_backends = main:file, web:http
show_multiple_locations = true
[glance_store]
default_backend = main
[main]
filesystem_store_datadir = {data}/stores/main
[web]
[os_glance_staging_store]
[import_filtering_opts]
allowed_hosts = 127.0.0.1, localhost
allowed_ports =
[glimpse]
web_stall_timeout = 30
[paste_deploy]
flavor = {flavor}
{sections}
"""
WITH_PLUGIN = """\
[image_import_opts]
image_import_plugins = stamp_asks
[stamping]
diary = {data}/diary
"""

IN_URI = {
    "password in a URI": "planted-p@ssword-in-uri",
    "signature in a URI": "planted-signature-in-query",
    "password in a redirect": "planted-password-in-redirect",
    "signature in a redirect": "planted-signature-in-redirect",
}
IN_HEADERS = {
    "bad token": "planted-bad-token-0123456789",
    "bad service token": "planted-bad-service-token",
    "cookie": "planted-cookie-of-a-browser",
    "basic credentials": "planted-basic-password",
}
USERINFO = "bob:" + IN_URI["password in a URI"].replace("@", "%40")
QUERY = "X-Amz-Signature=" + IN_URI["signature in a URI"]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that the service does not know."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def sources(authority: Authority) -> Iterator[tuple[HttpServer, HttpServer]]:
    """A server that fails in many ways, and one whose certificate nobody trusts."""
    inside = "http://169.254.169.254/?sig=" + IN_URI["signature in a redirect"]
    spoken = f"http://eve:{IN_URI['password in a redirect']}@127.0.0.1:1/"
    replies = {
        "good": Reply(RAW),
        "slow": Reply(RAW, stall_after=4096),
        "missing": Reply(status=404),
        "forbidden": Reply(status=403),
        "broken": Reply(status=500),
        "not-http": Reply(raw=b"220 mail.example\r\n"),
        "cut": Reply(RAW, truncate_after=4096),
        "empty": Reply(b""),
        "inwards": Reply(redirect=inside),
        "as-eve": Reply(redirect=spoken),
        "in-a-circle": Reply(redirect=f"/in-a-circle?{QUERY}"),
        "unreadable": Reply(redirect=f"http://[{IN_URI['password in a redirect']}@/"),
    }
    with (
        HttpServer({f"/{name}?{QUERY}": reply for name, reply in replies.items()}) as plain,
        HttpServer({f"/good?{QUERY}": Reply(RAW)}, tls=authority.server(["DNS:other.example"])) as secure,
    ):
        yield plain, secure


def basic(user: str, secret: str) -> dict[str, str]:
    """The header of a user with a password."""
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{secret}'.encode()).decode()}"}


def with_secrets(url: str) -> str:
    """The URL with a password and a signature."""
    return f"{url.replace('//', f'//{USERINFO}@')}?{QUERY}"


def bad_uris(plain: HttpServer, secure: HttpServer) -> list[str]:
    """Addresses that are refused at once, and those that fail when they are fetched."""
    paths = [path[1:].partition("?")[0] for path in plain.replies]
    answered = [with_secrets(plain.url(f"/{path}")) for path in paths if path not in ("good", "slow")]
    secret = IN_URI["password in a URI"]
    return [
        *answered,
        with_secrets(secure.url("/good")),
        with_secrets("http://127.0.0.1:1/refused"),
        with_secrets("https://127.0.0.1:1/refused"),
        with_secrets(plain.url("/good").replace("http:", "https:")),
        with_secrets("http://127.0.0.1:99999/port"),
        with_secrets("ftp://127.0.0.1/scheme"),
        with_secrets("http://10.0.0.1/other-host"),
        with_secrets("http://2130706433/number"),
        f"http://bob:{secret}@127.0.0.1/two-ats?{QUERY}",
        f"http://bob:{secret} x@127.0.0.1/space?{QUERY}",
        f"http://bob:{secret}/127.0.0.1",
        f"bob:{secret}@127.0.0.1?{QUERY}",
    ]


class Site:
    """The service, and what its users do with it."""

    def __init__(self, watched: Watched) -> None:
        self.watched = watched
        self.http = watched.http

    def create(self, who: Mapping[str, str]) -> str:
        """A queued image."""
        asked = {"disk_format": "raw", "container_format": "bare"}
        answer = self.http.post("/v2/images", json=asked, headers=who)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def begin(self, image_id: str, uri: str, who: Mapping[str, str]) -> int:
        """Ask for an import; the status."""
        body = {"method": {"name": "web-download", "uri": uri}}
        path = f"/v2/images/{image_id}/import"
        return self.http.post(path, json=body, headers=who).status_code

    def record(self, image_id: str, who: Mapping[str, str]) -> dict[str, Any]:
        """The import as its user sees it."""
        answer = self.http.get(f"/v2/images/{image_id}/import", headers=who)
        shown: dict[str, Any] = answer.json()
        return shown

    def all_ended(self) -> bool:
        """Whether no import is under way."""
        rows = self.watched.rows()["imports"]
        return all("'success'" in row or "'failure'" in row for row in rows)

    def sealed(self) -> list[str]:
        """What is kept encrypted now."""
        found = []
        for row in self.watched.rows()["imports"]:
            found += [part for part in row.split("'") if ":gAAAAA" in part]
        return found


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a plugin of others is installed."""
    source = tmp_path_factory.mktemp("source") / "dist"
    shutil.copytree(DISTRIBUTIONS / "stamping_plugin", source)
    return installed(source, tmp_path_factory.mktemp("site"))


def configured(directory: Path, flavor: str, sections: str, database: str | None) -> Path:
    file = directory / "glimpse.conf"
    text = CONFIGURATION.format(data=directory / "data", flavor=flavor, sections=sections)
    if database is not None:
        text += f"[database]\nconnection = {database}\n"
    file.write_text(text)
    return file


def test_nothing_secret_can_be_read(
    backend: Databases,
    identity: Identity,
    sources: tuple[HttpServer, HttpServer],
    plugins: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(plugins), prepend=os.pathsep)
    plain, secure = sources
    ann, admin, nova = (identity.token(user) for user in ("ann", "admin", "nova"))
    secrets = {
        **IN_URI,
        **IN_HEADERS,
        "token": ann,
        "admin's token": admin,
        "service token": nova,
        "the service's own password": password("glance"),
    }
    url = None
    if backend.kind != SQLITE:
        secrets["database password"] = DATABASE_PASSWORD
        url = backend.empty()
    sections = authtoken(identity.url) + WITH_PLUGIN.format(data=tmp_path / "data")
    file = configured(tmp_path, "keystone", sections, url)
    with Watched(tmp_path, file, url) as watched:
        site = Site(watched)
        as_ann = {"X-Auth-Token": ann}

        say_secrets_in_headers(site, ann, nova)
        image = site.create(as_ann)
        assert site.begin(image, with_secrets(plain.url("/slow")), as_ann) == 202
        unwanted = site.create(as_ann)
        assert site.begin(unwanted, with_secrets(plain.url("/slow")), as_ann) == 202
        assert plain.stalled.wait(30)
        while_running(site, watched, secrets, ann)
        assert site.http.delete(f"/v2/images/{unwanted}", headers=as_ann).status_code == 204
        plain.resume()
        watched.wait(site.all_ended)
        assert site.record(image, as_ann)["status"] == "success"

        refused = fail_in_every_way(site, bad_uris(plain, secure), as_ann)
        assert refused >= 5
        register_and_fail(site, plain, as_ann)
        ask_by_task(site, plain, admin)
        watched.wait(site.all_ended)
        look_at_everything(site, admin)

        assert site.sealed() == []
        found = watched.haystacks()
        assert found["table imports"].count("'failure'") >= len(bad_uris(plain, secure)) - refused + 2
        assert leaks(secrets, found) == []
        diary = [json.loads(line) for line in (watched.data / "diary").read_text().splitlines()]
        assert {line["token"] for line in diary} == {
            hashlib.sha256(t.encode()).hexdigest() for t in (ann, admin)
        }
        assert all("image" in line["services"] for line in diary)
        assert "is not welcome at" in found["table imports"]
        assert "asking for" in found["output"]
    assert leaks(secrets, {"output": watched.output.read_text()}) == []
    if url is not None:
        backend.drop(url)


def say_secrets_in_headers(site: Site, ann: str, nova: str) -> None:
    """Good and bad credentials, where they belong and where not."""
    others = {"Cookie": f"session={IN_HEADERS['cookie']}"}
    good = {"X-Auth-Token": ann, "X-Service-Token": nova, **others}
    assert site.http.get("/v2/images", headers=good).status_code == 200
    bad = {"X-Auth-Token": IN_HEADERS["bad token"], "X-Service-Token": IN_HEADERS["bad service token"]}
    assert site.http.get("/v2/images", headers=bad).status_code == 401
    bob = basic("bob", IN_HEADERS["basic credentials"])
    assert site.http.get("/v2/images", headers=bob).status_code == 401
    assert (
        site.http.get("/v2/images?sort_key=token=" + IN_HEADERS["bad token"], headers=good).status_code == 400
    )
    body = f'{{"password": "{IN_HEADERS["basic credentials"]}'
    answer = site.http.post("/v2/images", content=body, headers=good)
    assert answer.status_code == 400


def while_running(site: Site, watched: Watched, secrets: Mapping[str, str], token: str) -> None:
    """Nothing can be read, and everything is there for who has the key."""
    assert leaks(secrets, watched.haystacks()) == []
    sealed = site.sealed()
    assert len(sealed) == 2
    for each in sealed:
        kept = KeyRing(watched.data / "key-ring").open(each).decode()
        assert json.loads(kept)["token"] == token
        assert USERINFO in kept


def fail_in_every_way(site: Site, uris: list[str], headers: Mapping[str, str]) -> int:
    """How many were refused in the call; the others have been begun."""
    refused = 0
    for uri in uris:
        status = site.begin(site.create(headers), uri, headers)
        assert status in (202, 400), uri
        refused += status == 400
    return refused


def register_and_fail(site: Site, plain: HttpServer, headers: Mapping[str, str]) -> None:
    """Data at an address that becomes no image."""
    image = site.create(headers)
    path = f"/v2/images/{image}/locations"
    refused = site.http.post(path, json={"url": with_secrets(plain.url("/missing"))}, headers=headers)
    assert refused.status_code == 400, refused.text
    body = {"url": f"{plain.url('/missing')}?{QUERY}"}
    answer = site.http.post(path, json=body, headers=headers)
    assert answer.status_code == 202, answer.text
    change = [{"op": "add", "path": "/locations/-", "value": {**body, "metadata": {}}}]
    patch = {**headers, "Content-Type": "application/openstack-images-v2.1-json-patch"}
    assert site.http.patch(f"/v2/images/{image}", json=change, headers=patch).status_code in (400, 403, 409)


def ask_by_task(site: Site, plain: HttpServer, admin: str) -> None:
    """The old way to ask for an import; it fails in the plugin, which tells the token."""
    uri = with_secrets(plain.url("/good"))
    given = {"import_from": uri, "import_from_format": "raw", "image_properties": {"disk_format": "raw"}}
    asked = {"type": "import", "input": given}
    answer = site.http.post("/v2/tasks", json=asked, headers={"X-Auth-Token": admin})
    assert answer.status_code == 201, answer.text


def look_at_everything(site: Site, admin: str) -> None:
    """What an administrator can see."""
    headers = {"X-Auth-Token": admin}
    tasks = site.http.get("/v2/tasks?limit=1000", headers=headers).json()["tasks"]
    assert len(tasks) > 15
    for task in tasks:
        assert site.http.get(f"/v2/tasks/{task['id']}", headers=headers).status_code == 200
    for image in site.http.get("/v2/images?limit=1000", headers=headers).json()["images"]:
        for more in ("", "/import", "/tasks", "/locations"):
            assert site.http.get(f"/v2/images/{image['id']}{more}", headers=headers).status_code in (200, 404)


def test_passwords_of_users_cannot_be_read(sources: tuple[HttpServer, HttpServer], tmp_path: Path) -> None:
    right, wrong = "planted-right-password", "planted-wrong-password"
    set_password(tmp_path / "htpasswd", "ann", right)
    secrets = {**IN_URI, "password": right, "wrong password": wrong}
    plain, _ = sources
    file = configured(tmp_path, "http_basic", "", None)
    with Watched(tmp_path, file) as watched:
        site, who = Site(watched), basic("ann", right)
        for path in ("/v2/images", "/v2/tasks"):
            assert site.http.get(path, headers=basic("ann", wrong)).status_code == 401
        image = site.create(who)
        assert site.begin(image, with_secrets(plain.url("/good")), who) == 202
        missing = site.create(who)
        assert site.begin(missing, with_secrets(plain.url("/missing")), who) == 202
        watched.wait(site.all_ended)
        assert site.record(image, who)["status"] == "success"
        assert "HTTP 404" in site.record(missing, who)["message"]
        assert leaks(secrets, watched.haystacks()) == []
        assert site.sealed() == []
        the_search_finds_what_is_there(watched, who)


def the_search_finds_what_is_there(watched: Watched, who: Mapping[str, str]) -> None:
    """In each place, and in each form."""
    secret = IN_URI["password in a URI"]
    asked = {"name": f"the secret is {secret}", "disk_format": "raw", "container_format": "bare"}
    assert watched.http.post("/v2/images", json=asked, headers=who).status_code == 201
    (watched.data / f"named-{secret}").write_bytes(b"\0" + f"bob:{secret}".encode())
    with watched.output.open("a") as output:
        output.write(f"{basic('bobby', secret)}\n")
    found = {line.partition(": ")[0] for line in leaks({"it": secret}, watched.haystacks())}
    assert found >= {
        "it in table images",
        "it in answers",
        "it in names of files",
        f"it in file named-{secret}",
        "it in file glimpse.db-wal",
        "it in output",
    }


@pytest.mark.parametrize("kind", ["wrong password", "no such host", "unreadable"])
def test_a_database_that_cannot_be_used_tells_no_password(tmp_path: Path, kind: str) -> None:
    secret = "planted-database-password"
    url = {
        "wrong password": f"mysql+pymysql://glance:{secret}@127.0.0.1:1/glance",
        "no such host": f"postgresql://glance:{secret}@nobody.invalid/glance",
        "unreadable": f"postgresql://glance:{secret}@[::1/glance:x",
    }[kind]
    file = configured(tmp_path, "", "", url + "\nmax_retries = 0")
    watched = Watched(tmp_path, file, url)
    assert watched.process.wait(60) == 1
    watched.http.close()
    said = watched.output.read_text()
    assert "database" in said.lower()
    assert leaks({"password": secret}, {"output": said}) == []
