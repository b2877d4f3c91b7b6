"""Downloads: whole, in parts, from what location works."""

import hashlib
import os
import socket

import pytest

from glimpse.catalog.records import NewLocation
from tests.integration.api.service import Api, auth

DATA = os.urandom(5_000_003)


@pytest.fixture(scope="module")
def image(api: Api) -> str:
    """An image with data."""
    return api.active(DATA, visibility="public")


def get(api: Api, image_id: str, **headers: str) -> tuple[int, bytes, dict[str, str]]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = api.http.get(f"/v2/images/{image_id}/file", headers=named)
    return answer.status_code, answer.content, dict(answer.headers)


def test_the_whole(api: Api, image: str) -> None:
    status, content, headers = get(api, image)
    assert (status, content) == (200, DATA)
    assert headers["content-type"] == "application/octet-stream"
    assert headers["content-length"] == str(len(DATA))
    assert headers["content-md5"] == hashlib.md5(DATA).hexdigest()


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=4999999-", 4_999_999, len(DATA)),
        ("bytes=-3", len(DATA) - 3, len(DATA)),
        ("bytes=-99999999", 0, len(DATA)),
        ("bytes=100-99999999", 100, len(DATA)),
        ("bytes=65535-1114113", 65_535, 1_114_114),
    ],
)
def test_a_part(api: Api, image: str, asked: str, start: int, end: int) -> None:
    status, content, headers = get(api, image, Range=asked)
    assert (status, content) == (206, DATA[start:end])
    assert headers["content-range"] == f"bytes {start}-{end - 1}/{len(DATA)}"
    assert headers["content-length"] == str(end - start)


def test_a_part_as_old_clients_ask_for_it(api: Api, image: str) -> None:
    assert get(api, image, Content_Range="bytes 5-9/*")[:2] == (206, DATA[5:10])


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("bytes=0-1,5-6", 400),
        ("bytes=5000003-", 416),
        ("bytes=9-5", 416),
        ("lines=1-2", 416),
        ("bytes=x", 416),
    ],
)
def test_what_cannot_be_served(api: Api, image: str, asked: str, status: int) -> None:
    found, _, headers = get(api, image, Range=asked)
    assert found == status
    assert "content-range" not in headers


def test_without_data_there_is_nothing(api: Api) -> None:
    assert get(api, api.create())[:2] == (204, b"")
    assert get(api, api.create(), Range="bytes=0-1")[:2] == (204, b"")


def test_who_may_download(api: Api, image: str) -> None:
    for token, status in (("bob:red:member", 200), ("rita:red:reader", 403)):
        assert get(api, image, **auth(token))[0] == status


def test_preferred_stores(api: Api, image: str) -> None:
    for prefer, status in (("mirror,main", 200), ("main", 200), ("nowhere", 400)):
        assert api.http.get(f"/v2/images/{image}/file?prefer={prefer}").status_code == status


def test_a_location_that_fails_is_left_for_the_next(api: Api) -> None:
    image_id = api.active(DATA)
    main, mirror = (api.data / "stores" / name / image_id for name in ("main", "mirror"))
    mirror.write_bytes(DATA)
    record = api.catalog.images.get(image_id)
    with api.catalog.db.write() as connection:
        from glimpse.catalog import locations

        locations.add(connection, image_id, NewLocation(f"file://{mirror}", "mirror"), record.created_at)
    main.unlink()
    assert get(api, image_id)[:2] == (200, DATA)
    main.write_bytes(DATA[:-1])
    assert get(api, image_id)[:2] == (200, DATA), "a copy of another size is not the image"
    mirror.unlink()
    assert get(api, image_id)[0] == 503


def test_a_client_that_goes_away_is_noticed(api: Api) -> None:
    data = bytes(64 << 20)
    image_id = api.active(data)
    worker = api.workers()[0]
    with socket.create_connection(("127.0.0.1", api.port), timeout=10) as client:
        client.sendall(f"GET /v2/images/{image_id}/file HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert client.recv(1000)
        assert [file for file in worker.open_files() if image_id in file.path]
    api.wait(lambda: not [file for file in worker.open_files() if image_id in file.path], 5)
    assert "Traceback" not in api.log.read_text()
