"""Unified limits of a real Keystone, over HTTP and on every database: as many get in as fit, and no more."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest

from glimpse.testing.httpserver import HttpServer, Reply
from tests.integration.access.unified import RESOURCES, Limits, configuration, section
from tests.integration.api.service import BYTES, CONNECTION, Upload, auth
from tests.integration.imports.service import STOP_SECONDS, Service
from tests.servers.databases import Databases
from tests.servers.fixtures import backend
from tests.servers.identity import Identity

__all__ = ["backend"]

MANY = 16
MIB = 1 << 20
DATA = os.urandom(MIB)
# What has nothing to do with the kind of database.
ONE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
IMAGE = {"disk_format": "raw", "container_format": "bare"}


class Site(Service):
    """A service whose callers are whoever they say they are, and whose limits are Keystone's."""

    limits: Limits

    def token(self, **limits: int) -> str:
        """A member of a new project with these limits."""
        return f"ann:{self.limits.project(**limits)}:member"

    def usage(self, token: str) -> dict[str, tuple[int, int]]:
        """What is shown: usage and limit of each resource."""
        answer = self.http.get("/v2/info/usage", headers=auth(token))
        assert answer.status_code == 200, answer.text
        return {name: (each["usage"], each["limit"]) for name, each in answer.json()["usage"].items()}

    def used(self, token: str) -> list[int]:
        """The usage of each resource."""
        shown = self.usage(token)
        return [shown[name][0] for name in RESOURCES]

    def post(self, token: str) -> httpx.Response:
        return self.http.post("/v2/images", json=IMAGE, headers=auth(token))

    def upload(
        self, token: str, image_id: str, kind: str, *, known: bool, data: bytes = DATA
    ) -> httpx.Response:
        """Upload with or without saying how much it is."""
        content = data if known else iter([data[:1000], data[1000:]])
        return self.http.put(
            f"/v2/images/{image_id}/{kind}", content=content, headers={**BYTES, **auth(token)}
        )

    def ask(self, token: str, image_id: str, method: str = "glance-direct", **more: object) -> httpx.Response:
        uri = {"uri": more.pop("uri")} if "uri" in more else {}
        body = {"method": {"name": method, **uri}, **more}
        return self.http.post(f"/v2/images/{image_id}/import", json=body, headers=auth(token))

    def delete(self, image_id: str) -> None:
        assert self.http.delete(f"/v2/images/{image_id}").status_code == 204

    @contextmanager
    def conducting(self, point: str = "never:") -> Iterator["subprocess.Popen[bytes]"]:
        """With a conductor, which ends with the block."""
        process = self.conduct(point)
        try:
            yield process
        finally:
            self.conductors.remove(process)
            process.send_signal(signal.SIGTERM)
            process.wait(STOP_SECONDS)


@pytest.fixture(scope="module")
def site(
    backend: Databases, identity: Identity, operator: Identity, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """One service on each database."""
    limits = Limits(operator)
    directory, url = tmp_path_factory.mktemp("limits"), backend.empty()
    file = configuration(directory, section(identity.url, endpoint_region_name=limits.region))
    with Site(directory, {CONNECTION: url, "DEFAULT.workers": 2}, file) as running:
        running.limits = limits
        yield running
    backend.drop(url)


def at_once(work: Callable[[int], httpx.Response]) -> list[httpx.Response]:
    """The answers to many requests at the same moment."""
    with ThreadPoolExecutor(MANY) as pool:
        return list(pool.map(work, range(MANY)))


def admitted(answers: list[httpx.Response], status: int) -> list[int]:
    """Which of them were let in; all others were refused for the limit's sake."""
    assert {each.status_code for each in answers} <= {status, 413}, {each.text for each in answers}
    return [number for number, each in enumerate(answers) if each.status_code == status]


def test_images(site: Site) -> None:
    token = site.token(image_count_total=5)
    answers = at_once(lambda _: site.post(token))
    made = [answers[number].json()["id"] for number in admitted(answers, 201)]
    assert len(made) == 5
    refused = next(each for each in answers if each.status_code == 413)
    for word in ("image_count_total", "may have 5", "has 5", "1 more"):
        assert word in refused.text
    assert site.usage(token)["image_count_total"] == (5, 5)
    site.delete(made[0])
    assert site.post(token).status_code == 201
    assert site.post(token).status_code == 413
    task = {"import_from": "http://127.0.0.1:1/", "import_from_format": "raw", "image_properties": {}}
    admin = {"X-Auth-Token": token.replace(":member", ":admin")}
    asked = site.http.post("/v2/tasks", json={"type": "import", "input": task}, headers=admin)
    assert asked.status_code == 413, asked.text


@pytest.mark.parametrize("known", [True, False])
def test_bytes_in_stores(site: Site, known: bool) -> None:
    token = site.token(image_size_total=3)
    ids = [site.create(token) for _ in range(MANY)]
    answers = at_once(lambda n: site.upload(token, ids[n], "file", known=known))
    stored = admitted(answers, 204)
    assert len(stored) == 3
    assert site.usage(token)["image_size_total"] == (3, 3)
    refused = ids[next(n for n in range(MANY) if n not in stored)]
    site.wait_queued(refused)
    site.delete(ids[stored[0]])
    assert site.upload(token, refused, "file", known=known).status_code == 204
    assert site.used(token) == [3, 0, MANY - 1, 0]


@pytest.mark.parametrize("known", [True, False])
def test_bytes_in_staging(site: Site, known: bool) -> None:
    token = site.token(image_stage_total=3, image_size_total=0)
    ids = [site.create(token) for _ in range(MANY)]
    answers = at_once(lambda n: site.upload(token, ids[n], "stage", known=known))
    staged = admitted(answers, 204)
    assert len(staged) == 3
    assert site.used(token) == [0, 3, MANY, 3]
    site.delete(ids[staged[0]])
    assert site.used(token) == [0, 2, MANY - 1, 2]
    for n in range(MANY):
        if n not in staged:
            site.wait_queued(ids[n])
            assert site.upload(token, ids[n], "stage", known=known).status_code == 204
            break


@ONE
@pytest.mark.parametrize("kind", ["file", "stage"])
def test_uploads_under_way(site: Site, kind: str) -> None:
    token = site.token(image_count_uploading=2)
    ids = [site.create(token) for _ in range(3)]
    headers = {"Content_Length": str(MIB), "X_Auth_Token": token}
    running = [Upload(site, image_id, kind, **headers) for image_id in ids[:2]]
    for image_id in ids[:2]:
        site.wait_begun(image_id)
    assert site.usage(token)["image_count_uploading"] == (2, 2)
    refused = site.upload(token, ids[2], kind, known=True)
    assert (refused.status_code, "image_count_uploading" in refused.text) == (413, True)
    for upload in running:
        upload.close(reset=True)
    for image_id in ids[:2]:
        site.wait_queued(image_id)
    assert site.upload(token, ids[2], kind, known=True).status_code == 204
    assert site.used(token)[3] == (0 if kind == "file" else 1)


def test_imports_from_the_web_under_way(site: Site) -> None:
    """Nobody conducts, so they stay."""
    token = site.token(image_count_uploading=4, image_stage_total=0)
    ids = [site.create(token) for _ in range(MANY)]
    answers = at_once(lambda n: site.ask(token, ids[n], "web-download", uri="http://127.0.0.1:1/"))
    begun = admitted(answers, 202)
    assert len(begun) == 4
    assert site.used(token)[3] == 4
    for n in begun:
        site.delete(ids[n])
    assert site.used(token)[3] == 0


def test_imports_of_what_is_staged(site: Site) -> None:
    token = site.token(image_size_total=3)
    ids = [site.create(token) for _ in range(MANY)]
    assert len(admitted(at_once(lambda n: site.upload(token, ids[n], "stage", known=True)), 204)) == MANY
    begun = admitted(at_once(lambda n: site.ask(token, ids[n])), 202)
    assert len(begun) == 3
    left = next(ids[n] for n in range(MANY) if n not in begun)
    assert site.show(left)["status"] == "uploading", "what was staged waits for another try"
    with site.conducting():
        assert [site.ended(ids[n])["status"] for n in begun] == ["success"] * 3
        assert site.usage(token)["image_size_total"] == (3, 3)
        assert site.ask(token, left).status_code == 413
        site.delete(ids[begun[0]])
        assert site.ask(token, left).status_code == 202
        assert site.ended(left)["status"] == "success"
    assert site.used(token) == [3, MANY - 4, MANY - 1, MANY - 4]


def test_imports_whose_size_is_known_at_their_end(site: Site) -> None:
    token = site.token(image_size_total=3)
    ids = [site.create(token) for _ in range(6)]
    with HttpServer({"/disk": Reply(DATA, chunk=1 << 16)}) as server, site.conducting():
        for image_id in ids:
            asked = site.ask(token, image_id, "web-download", uri=server.url("/disk"))
            assert asked.status_code == 202, asked.text
        ended = [site.ended(image_id) for image_id in ids]
        assert sorted(each["status"] for each in ended) == ["failure"] * 3 + ["success"] * 3
        assert all("image_size_total" in str(each) for each in ended if each["status"] == "failure")
        assert site.used(token) == [3, 0, 6, 0]
        # Each store counts.
        both, other = site.token(image_size_total=1), site.token(image_size_total=2)
        for owner, status in ((both, "failure"), (other, "success")):
            image_id = site.create(owner)
            asked = site.ask(owner, image_id, "web-download", uri=server.url("/disk"), all_stores=True)
            assert asked.status_code == 202
            assert site.ended(image_id)["status"] == status
    assert [site.used(owner)[0] for owner in (both, other)] == [0, 2]


@ONE
def test_a_changed_limit_is_seen_also_where_it_is_exceeded_already(site: Site) -> None:
    """Both in one: seconds pass until either is seen."""
    raised, token = site.token(image_count_total=1), site.token()
    assert [site.post(raised).status_code for _ in range(2)] == [201, 413]
    image_id, more = site.create(token), site.create(token)
    assert site.upload(token, image_id, "file", known=True).status_code == 204
    assert site.upload(token, more, "stage", known=True).status_code == 204
    site.limits.change(raised.split(":")[1], 2)
    site.limits.limit(token.split(":")[1], image_size_total=0)
    site.wait(lambda: site.usage(raised)["image_count_total"] == (1, 2), 15)
    site.wait(lambda: site.post(raised).status_code == 201, 15)
    site.wait(lambda: site.usage(token)["image_size_total"] == (1, 0), 15)
    assert "image_size_total" in site.ask(token, more).text
    site.delete(more)
    more = site.create(token)
    asked = site.ask(token, more, "web-download", uri="http://127.0.0.1:1/")
    assert (asked.status_code, "image_size_total" in asked.text) == (413, True)


@ONE
def test_a_killed_api_leaves_no_usage_behind(site: Site) -> None:
    token = site.token(image_size_total=3)
    first, second = site.create(token), site.create(token)
    upload = Upload(site, first, "file", Content_Length=str(3 * MIB), X_Auth_Token=token)
    upload.send(DATA)
    site.wait_begun(first)
    assert site.upload(token, second, "file", known=True).status_code == 413
    for worker in site.workers():
        worker.kill()
    upload.close()
    with site.conducting():
        site.wait(lambda: _status(site, first) == "queued", 30)
    assert site.used(token) == [0, 0, 2, 0]
    for _ in range(3):
        assert site.upload(token, site.create(token), "file", known=True).status_code == 204


def _status(site: Site, image_id: str) -> object:
    """Also while no worker answers."""
    try:
        return site.http.get(f"/v2/images/{image_id}").json().get("status")
    except httpx.TransportError:
        return None


@ONE
def test_a_killed_conductor_leaves_no_usage_behind(site: Site) -> None:
    token = site.token(image_size_total=3)
    image_id = site.create(token)
    assert site.upload(token, image_id, "stage", known=True).status_code == 204
    dying = site.conduct("called:commit_target")
    assert site.ask(token, image_id).status_code == 202
    assert dying.wait(30) == -signal.SIGKILL
    site.conductors.remove(dying)
    with site.conducting():
        assert site.ended(image_id)["status"] == "success"
    assert site.used(token) == [1, 0, 1, 0]
    others = [site.create(token) for _ in range(3)]
    answers = [site.upload(token, each, "file", known=True).status_code for each in others]
    assert answers == [204, 204, 413]
