"""16 clients who write at once, in every way there is: no error reaches any of them, and nothing is lost."""

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.integration.api.service import BYTES, CONNECTION, V21
from tests.integration.imports.service import Service

WRITERS, ROUNDS = 16, 2
DATA = random.Random(0).randbytes(200_000)
IMPORT_SECONDS = 60.0


@pytest.fixture
def service(url: str, tmp_path: Path) -> Iterator[Service]:
    """Two api processes and a conductor, with leases as long as they usually are: nobody dies here."""
    leases = {"glimpse.upload_lease": 30.0, "glimpse.claim_lease": 30.0, "glimpse.heartbeat": 5.0}
    with Service(tmp_path / "data", {CONNECTION: url, "DEFAULT.workers": 2, **leases}) as running:
        running.conduct()
        yield running


class Writer:
    """A client with a connection of its own, who works on images of its own and on one that belongs to all."""

    def __init__(self, http: httpx.Client, common: str, name: str) -> None:
        self._http = http
        self._common = f"/v2/images/{common}"
        self._name = name

    def expect(self, status: int, method: str, path: str, **more: object) -> httpx.Response:
        """The answer, which must have this status."""
        answer = self._http.request(method, path, **more)  # type: ignore[arg-type]
        assert answer.status_code == status, (method, path, answer.status_code, answer.text)
        return answer

    def create(self, **body: object) -> str:
        made = {"disk_format": "raw", "container_format": "bare", "name": self._name, "colour": "red", **body}
        return str(self.expect(201, "POST", "/v2/images", json=made).headers["location"])

    def change(self, path: str, **properties: str) -> None:
        changes = [{"op": "add", "path": f"/{name}", "value": value} for name, value in properties.items()]
        self.expect(200, "PATCH", path, json=changes, headers=V21)

    def share(self, path: str, project: str) -> None:
        self.expect(200, "POST", f"{path}/members", json={"member": project})
        self.expect(200, "PUT", f"{path}/members/{project}", json={"status": "accepted"})

    def upload(self) -> None:
        """Data, withheld and given back; then all of it goes."""
        image = self.create(tags=["a"])
        self.change(image, size_of_it="small")
        self.expect(204, "PUT", f"{image}/file", content=DATA, headers=BYTES)
        self.expect(204, "POST", f"{image}/actions/deactivate")
        self.expect(204, "POST", f"{image}/actions/reactivate")
        self.expect(204, "DELETE", f"{image}/tags/a")
        assert self.expect(200, "GET", f"{image}/file").content == DATA
        self.expect(204, "DELETE", image)

    def import_(self) -> None:
        """Staged, imported, and looked at until it is done."""
        image = self.create()
        self.expect(204, "PUT", f"{image}/stage", content=DATA, headers=BYTES)
        body = {"method": {"name": "glance-direct"}, "all_stores": True}
        self.expect(202, "POST", f"{image}/import", json=body)
        self.change(image, during="the import")
        end = time.monotonic() + IMPORT_SECONDS
        while (shown := self.expect(200, "GET", image).json())["status"] == "importing":
            assert time.monotonic() < end, shown
            time.sleep(0.02)
        assert (shown["status"], shown["during"], shown["size"]) == ("active", "the import", len(DATA))
        self.expect(204, "DELETE", image)

    def share_and_take_back(self) -> None:
        image = self.create()
        self.share(image, "red")
        self.expect(204, "DELETE", f"{image}/members/red")
        self.expect(204, "DELETE", image)

    def write(self, turn: int) -> None:
        """A little of everything."""
        mine = f"{self._name}-{turn}"
        self.expect(204, "PUT", f"{self._common}/tags/{mine}")
        self.upload()
        self.change(self._common, **{mine: "here", "last": mine})
        self.import_()
        self.share(self._common, mine)
        self.share_and_take_back()
        assert self.expect(200, "GET", "/v2/images?limit=5").json()["images"]


@pytest.mark.slow
def test_no_error_reaches_any_of_many_writers(service: Service) -> None:
    common = service.create(name="common")

    def run(name: str) -> None:
        with httpx.Client(base_url=service.url, timeout=100) as http:
            writer = Writer(http, common, name)
            for turn in range(ROUNDS):
                writer.write(turn)

    with ThreadPoolExecutor(WRITERS) as pool:
        for done in [pool.submit(run, f"w{number}") for number in range(WRITERS)]:
            done.result()
    everybody = {f"w{number}-{turn}" for number in range(WRITERS) for turn in range(ROUNDS)}
    shown = service.show(common)
    assert set(shown["tags"]) == everybody  # type: ignore[call-overload]
    assert {name for name in shown if name.startswith("w")} == everybody
    members = service.http.get(f"/v2/images/{common}/members").json()["members"]
    assert {(each["member_id"], each["status"]) for each in members} == {
        (name, "accepted") for name in everybody
    }
    assert [image["id"] for image in service.http.get("/v2/images?limit=1000").json()["images"]] == [common]
    assert service.files() == set()
    assert "Traceback" not in service.log.read_text()
