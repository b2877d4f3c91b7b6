"""One client's uploads and downloads at a time are bounded, and another's are not touched by it."""

from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from tests.integration.api.service import BYTES, Api, Upload, auth
from tests.integration.edge.wire import Wire, wire

MOST = 3
LARGE = 32 << 20
RED, GREEN = "ann:red:member", "bob:green:member"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    options = {
        "glimpse.client_transfers": MOST,
        "oslo_middleware.enable_proxy_headers_parsing": True,
        "DEFAULT.allow_anonymous_access": True,
    }
    with Api(tmp_path_factory.mktemp("transfers"), options) as running:
        yield running


@pytest.fixture(scope="module")
def image(service: Api) -> str:
    """A public image that does not fit into the buffers between us."""
    return service.active(bytes(LARGE), visibility="public")


def begin(service: Api, image: str, *headers: str) -> Wire:
    """A download that is not read."""
    client = Wire(service.port, 1 << 16)
    client.ask(f"GET /v2/images/{image}/file", *headers)
    return client


def asks(service: Api, image: str, headers: dict[str, str]) -> int:
    """The status of a download."""
    with service.http.stream("GET", f"/v2/images/{image}/file", headers=headers) as answer:
        if answer.status_code == 429:
            assert answer.headers["retry-after"] == "5"
            assert answer.headers["x-openstack-request-id"]
        return answer.status_code


def test_a_projects_downloads_are_counted_together(service: Api, image: str) -> None:
    with ExitStack() as stack:
        clients = [begin(service, image, f"X-Auth-Token: {RED}") for _ in range(MOST)]
        for client in clients:
            stack.callback(client.socket.close)
            assert client.status() == 200
        for path in (f"/v2/images/{image}", "/v2/images"):
            assert service.http.get(path, headers=auth(RED)).status_code == 200, "records are no data"
        tagged = service.create(RED)
        for tag in ("file", "stage"):
            path = f"/v2/images/{tagged}/tags/{tag}"
            assert service.http.put(path, headers=auth(RED)).status_code == 204, "nor are tags"
        assert asks(service, image, auth(RED)) == 429
        assert asks(service, image, auth("eve:red:reader,member")) == 429, "another user of the project"
        assert asks(service, image, auth(GREEN)) == 200
        clients[0].socket.close()
        service.wait(lambda: asks(service, image, auth(RED)) == 200)
    service.wait(lambda: [asks(service, image, auth(RED)) for _ in range(MOST + 2)] == [200] * (MOST + 2))


def test_uploads_count_as_well_and_leave_the_image_as_it_was(service: Api) -> None:
    images = [service.create(RED) for _ in range(MOST + 1)]
    with ExitStack() as stack:
        for image in images[:MOST]:
            upload = Upload(service, image, Content_Length="10", X_Auth_Token=RED)
            stack.enter_context(closing(upload))
            service.wait_begun(image)
        headers = {**BYTES, **auth(RED)}
        for kind in ("file", "stage"):
            answer = service.http.put(
                f"/v2/images/{images[-1]}/{kind}", content=bytes(1 << 20), headers=headers
            )
            assert answer.status_code == 429
        assert service.show(images[-1])["status"] == "queued"
    for image in images[:MOST]:
        service.wait_queued(image)
    assert service.http.put(f"/v2/images/{images[-1]}/file", content=b"x", headers=headers).status_code == 204


def test_who_has_no_project_is_known_by_the_address_that_the_proxy_saw(service: Api, image: str) -> None:
    with ExitStack() as stack:
        # The first is what the client says of itself; the last was added by the proxy.
        for number in range(MOST):
            client = begin(service, image, f"X-Forwarded-For: 10.1.1.{number}, 192.0.2.7")
            stack.callback(client.socket.close)
            assert client.status() == 200
        assert asks(service, image, {"X-Forwarded-For": "10.9.9.9, 192.0.2.7"}) == 429
        assert asks(service, image, {"Forwarded": 'for=10.9.9.9, for="192.0.2.7:4711"'}) == 429
        assert asks(service, image, {"X-Forwarded-For": "192.0.2.7, 192.0.2.8"}) == 200
        assert asks(service, image, {}) == 200


def test_nobody_is_counted_where_nothing_is_said(api: Api) -> None:
    image = api.active(bytes(LARGE))
    with ExitStack() as stack:
        for _ in range(40):
            client = begin(api, image)
            stack.callback(client.socket.close)
            assert client.status() == 200
        with wire(api.port) as last:
            last.ask(f"GET /v2/images/{image}/file", "Range: bytes=0-9")
            assert last.status() == 206
