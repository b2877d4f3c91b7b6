"""Clients that say little, nothing, or do not listen: each is given up in time, and costs nobody else."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from tests.integration.api.service import BYTES, V21, Api, Upload
from tests.integration.edge.wire import Wire, wire

REQUEST, STALL = 2, 2
LARGE = 64 << 20


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A service with little patience; it looks after uploads every half second."""
    options = {
        "glimpse.client_request_timeout": REQUEST,
        "DEFAULT.client_socket_timeout": STALL,
        "glimpse.upload_lease": 1.5,
    }
    with Api(tmp_path_factory.mktemp("quick"), options) as running:
        yield running


def serves(service: Api, client: Wire) -> bool:
    """Whether the worker still has this client's connection."""
    (worker,) = service.workers()
    port = client.socket.getsockname()[1]
    return any(port in each.raddr for each in worker.net_connections("tcp"))


def open_files(service: Api, place: str) -> list[str]:
    """What the worker has open below a place in the data directory."""
    (worker,) = service.workers()
    root = str(service.data / place)
    return [file.path for file in worker.open_files() if file.path.startswith(root)]


def test_a_head_that_does_not_end_is_not_waited_for(quick: Api) -> None:
    head = b"GET /v2/images HTTP/1.1\r\nHost: test\r\nX-Slow: "
    beginnings = (b"", b"G", b"PRI", b"PRI * HTTP/2.0", b"GET /v2/images HT", head)
    with ExitStack() as stack:
        clients = [stack.enter_context(wire(quick.port)) for _ in beginnings]
        for client, said in zip(clients, beginnings, strict=True):
            client.say(said)
        for client, said in zip(clients, beginnings, strict=True):
            assert REQUEST - 0.5 < client.lasted() < REQUEST + 8, said


def test_a_head_that_comes_byte_by_byte_is_not_waited_for_either(quick: Api) -> None:
    with wire(quick.port) as client:
        client.say(b"GET /v2/images HTTP/1.1\r\nHost: test\r\nX-Slow: ")
        assert client.drip(b"y", 0.1) == b""
        assert REQUEST - 0.5 < time.monotonic() - client.began < REQUEST + 8


def test_a_connection_without_a_further_request_is_closed(quick: Api) -> None:
    with wire(quick.port) as client:
        client.ask("GET /v2/images")
        assert client.status() == 200
        assert REQUEST - 0.5 < client.lasted() < REQUEST + 8


def test_a_json_body_has_to_come_in_time(quick: Api) -> None:
    with ExitStack() as stack:
        sized, chunked, dripping = (stack.enter_context(wire(quick.port)) for _ in range(3))
        sized.ask("POST /v2/images", "Content-Length: 1000", "Accept: application/json")
        chunked.ask(
            "PATCH /v2/images/x", "Transfer-Encoding: chunked", f"Content-Type: {V21['Content-Type']}"
        )
        dripping.ask("POST /v2/images", "Content-Length: 1000", body=b"{")
        assert dripping.drip(b" ", 0.1).startswith(b"HTTP/1.1 408")
        for client in (sized, chunked):
            head = client.head()
            assert head.startswith(b"HTTP/1.1 408")
            assert b"x-openstack-request-id: req-" in head
            assert client.lasted() < REQUEST + 8


def test_an_upload_may_trickle_but_not_stop(quick: Api) -> None:
    status = {"file": "saving", "stage": "uploading"}
    images = {kind: quick.create() for kind in status}
    with ExitStack() as stack:
        uploads = {
            kind: stack.enter_context(closing(Upload(quick, images[kind], kind, Content_Length="1000000")))
            for kind in status
        }
        end = time.monotonic() + 2 * STALL + 1
        while time.monotonic() < end:
            for upload in uploads.values():
                upload.send(b"x")
            time.sleep(0.3)
        stopped = time.monotonic()
        assert {kind: quick.show(images[kind])["status"] for kind in status} == status
        for upload in uploads.values():
            assert upload.status() == 408
        assert STALL - 1 < time.monotonic() - stopped < STALL + 10
    for kind, image in images.items():
        quick.wait_queued(image)
        assert quick.put(image, b"again", kind).status_code == 204


def test_a_download_that_nobody_reads_ends(quick: Api) -> None:
    image = quick.active(bytes(LARGE))
    with wire(quick.port, 1 << 16) as client:
        client.ask(f"GET /v2/images/{image}/file")
        quick.wait(lambda: open_files(quick, "stores"))
        quick.wait(lambda: not open_files(quick, "stores"), STALL + 20)
        quick.wait(lambda: not serves(quick, client))
        assert time.monotonic() - client.began > STALL - 0.5


def test_an_answer_that_nobody_reads_ends_as_well(quick: Api) -> None:
    for number in range(120):
        quick.create(name=str(number), note="x" * 60_000)
    with wire(quick.port, 1 << 12) as client:
        client.ask("GET /v2/images?limit=1000")
        assert client.hear(1)
        assert serves(quick, client)
        quick.wait(lambda: not serves(quick, client), STALL + 20)


def test_a_download_that_is_read_slowly_goes_on(quick: Api) -> None:
    image = quick.active(bytes(LARGE))
    with wire(quick.port, 1 << 16) as client:
        client.ask(f"GET /v2/images/{image}/file")
        end = time.monotonic() + 2 * STALL + 2
        while time.monotonic() < end:
            assert client.hear(), "it was broken off"
            time.sleep(0.2)


def test_a_crowd_of_slow_clients_keeps_nobody_waiting(quick: Api) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(wire(quick.port)) for _ in range(300)]
        for number, client in enumerate(clients):
            if number % 2:
                client.say(b"GET /v2/images HTTP/1.1\r\nX: ")
            else:
                client.ask("POST /v2/images", "Content-Length: 100")
        image = quick.create()
        assert quick.http.put(f"/v2/images/{image}/file", content=b"x", headers=BYTES).status_code == 204
        assert quick.http.get(f"/v2/images/{image}/file").content == b"x"
        assert all(serves(quick, client) for client in clients[:2]), "they are not waited for"
        for client in clients:
            client.lasted()
