"""Requests that make no sense: each has its answer, and none is a 5xx."""

import socket

import pytest

from tests.integration.api.service import BYTES, V21, Api

V20 = {"Content-Type": "application/openstack-images-v2.0-json-patch"}
PENGUIN = '{"name": "\U0001f427"}'.encode()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b"null", 400),
        (b'"x"', 400),
        (b"\xff\xfe", 400),
        (b'{"a": NaN}', 400),
        (b"[" * 100_000, 400),
        (PENGUIN, 400),
        (b'{"name": "\\u0000"}', 400),
        (b'{"name": "\\ud800"}', 400),
        (b'{"\\ud83d\\udc27": "x"}', 400),
        (b'{"name": 5}', 400),
        (b'{"name": {"a": []}}', 400),
        (b'{"tags": "x"}', 400),
        (b'{"tags": [null]}', 400),
        (b'{"tags": ["\\ud83d\\udc27"]}', 400),
        (b'{"id": "x"}', 400),
        (b'{"min_ram": -1}', 400),
        (b'{"min_ram": 1e400}', 400),
        (b'{"min_disk": 2147483648}', 400),
        (b'{"min_disk": 1.5}', 400),
        (b'{"visibility": "secret"}', 400),
        (b'{"protected": "yes"}', 400),
        (b'{"disk_format": "floppy"}', 400),
        (b'{"disk_format": ["raw"]}', 400),
        (b'{"status": "nonsense"}', 400),
        (b'{"colour": 5}', 400),
        (b'{"colour": null}', 400),
        (b'{"": "x"}', 400),
        (b'{"' + b"k" * 256 + b'": "x"}', 400),
        (b'{"name": "' + b"n" * 256 + b'"}', 400),
        (b'{"colour": "' + b"v" * 70_000 + b'"}', 400),
        (b'{"self": "x"}', 403),
        (b'{"status": "active"}', 403),
        (b'{"os_hash_algo": "md5"}', 403),
        (b'{"os_glance_import_task": "x"}', 403),
        (b'{"location": "x"}', 403),
        (b'{"locations": []}', 403),
        (b'{"name": "' + b"n" * (5 << 20) + b'"}', 413),
    ],
)
def test_create(api: Api, body: bytes, status: int) -> None:
    answer = api.http.post("/v2/images", content=body, headers={"Accept": "application/json"})
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"message", "code", "title"}


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({}, b"[]", 415),
        ({"Content-Type": "application/json"}, b"[]", 415),
        (V21, b"", 400),
        (V21, b"{}", 400),
        (V21, b"[{}]", 400),
        (V21, b"[5]", 400),
        (V21, b'[{"op": "add", "path": "/a"}]', 400),
        (V21, b'[{"op": "add", "path": "/a", "value": 5}]', 400),
        (V21, b'[{"op": "add", "path": "/a/b", "value": "x"}]', 400),
        (V21, b'[{"op": "move", "path": "/a", "value": "x"}]', 400),
        (V21, b'[{"op": "add", "path": "/tags/-", "value": "x"}]', 400),
        (V21, b'[{"op": "replace", "path": "/tags", "value": [{}]}]', 400),
        (V21, b'[{"op": "replace", "path": "/name", "value": []}]', 400),
        (V21, b'[{"op": "add", "path": "/\\ud83d\\udc27", "value": "x"}]', 400),
        (V21, b'[{"op": "replace", "path": "/absent", "value": "x"}]', 409),
        (V21, b'[{"op": "remove", "path": "/absent"}]', 409),
        (V21, b'[{"op": "remove", "path": "/name"}]', 403),
        (V21, b'[{"op": "replace", "path": "/id", "value": "x"}]', 403),
        (V21, b'[{"op": "replace", "path": "/size", "value": 5}]', 403),
        (V21, b'[{"op": "add", "path": "/os_glance_failed_import", "value": ""}]', 403),
        (V21, b'[{"op": "add", "path": "/locations/-", "value": {}}]', 403),
        (V20, b'[{"op": "add", "path": "/a", "value": "x"}]', 400),
        (V20, b'[{"add": "/name", "value": "x"}]', 409),
    ],
)
def test_change(api: Api, headers: dict[str, str], body: bytes, status: int) -> None:
    image_id = api.create()
    answer = api.http.patch(f"/v2/images/{image_id}", content=body, headers=headers)
    assert answer.status_code == status, answer.text
    api.http.delete(f"/v2/images/{image_id}")


@pytest.mark.parametrize(
    "query",
    [
        "limit=x", "limit=-1", "marker=x", "marker=00000000-0000-0000-0000-000000000000", "sort=x",
        "sort_key=x", "sort_dir=x", "sort=name&sort_key=name", "visibility=x", "os_hidden=x", "protected=x",
        "member_status=x", "changes-since=x", "colour_min=1", "size_min=x", "name=%ff", "name=%00",
        "name=%F0%9F%90%A7", "created_at=x", "name=gt:x", "status=foo:x", "status=gt:x",
    ],
)  # fmt: skip
def test_list(api: Api, query: str) -> None:
    answer = api.http.get(f"/v2/images?{query}")
    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize(
    "image", ["x", "%00", "%2e%2e", "a" * 5000, "00000000-0000-0000-0000-000000000000", "%F0%9F%90%A7"]
)
@pytest.mark.parametrize(
    ("method", "below", "headers", "body"),
    [
        ("GET", "", {}, b""),
        ("DELETE", "", {}, b""),
        ("PATCH", "", V21, b"[]"),
        ("GET", "/file", {}, b""),
        ("PUT", "/file", BYTES, b"x"),
        ("PUT", "/stage", BYTES, b"x"),
        ("GET", "/import", {}, b""),
        ("GET", "/tasks", {}, b""),
        ("POST", "/import", {}, b'{"method": {"name": "glance-direct"}}'),
    ],
)
def test_no_such_image(
    api: Api, image: str, method: str, below: str, headers: dict[str, str], body: bytes
) -> None:
    path = f"/v2/images/{image}{below}"
    answer = api.http.build_request(method, path, headers=headers, content=body)
    # As it is: a client would resolve dots itself.
    answer.url = answer.url.copy_with(raw_path=path.encode())
    assert api.http.send(answer).status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[]", 400),
        (b"{}", 400),
        (b'{"method": null}', 400),
        (b'{"method": "glance-direct"}', 400),
        (b'{"method": {}}', 400),
        (b'{"method": {"name": 5}}', 400),
        (b'{"method": {"name": "magic"}}', 400),
        (b'{"method": {"name": "web-download"}, "all_stores": "yes"}', 400),
        (b'{"method": {"name": "web-download"}, "all_stores_must_succeed": 1}', 400),
        (b'{"method": {"name": "web-download"}}', 400),
        (b'{"method": {"name": "web-download", "uri": 5}}', 400),
        (b'{"method": {"name": "web-download", "uri": "file:///etc/passwd"}}', 400),
        (b'{"method": {"name": "web-download", "uri": "http://127.0.0.1/x"}}', 400),
        (b'{"method": {"name": "web-download", "uri": "http://127.0.0.1/x"}, "stores": 5}', 400),
        (b'{"method": {"name": "glance-direct"}}', 409),
    ],
)
def test_import(api: Api, body: bytes, status: int) -> None:
    image_id = api.create()
    answer = api.http.post(f"/v2/images/{image_id}/import", content=body)
    assert answer.status_code == status, answer.text
    assert api.show(image_id)["status"] == "queued"


@pytest.mark.parametrize("path", ["/v2/images", "/v2/info/stores", "/v2/info/import"])
def test_a_body_where_none_belongs(api: Api, path: str) -> None:
    assert api.http.request("GET", path, content=b"x").status_code == 400


@pytest.mark.parametrize("kind", ["file", "stage"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 415),
        ({"Content-Type": "application/json"}, 415),
        ({"Content-Type": "application/octet-stream2"}, 415),
        ({**BYTES, "X-OpenStack-Image-Size": "x"}, 400),
        ({**BYTES, "X-OpenStack-Image-Size": "-1"}, 400),
        ({**BYTES, "X-OpenStack-Image-Size": "2"}, 400),
        ({**BYTES, "X-OpenStack-Image-Size": "4"}, 400),
        ({**BYTES, "X-OpenStack-Image-Size": "9" * 18}, 413),
    ],
)
def test_upload(api: Api, kind: str, headers: dict[str, str], status: int) -> None:
    image_id = api.create()
    answer = api.http.put(f"/v2/images/{image_id}/{kind}", content=b"abc", headers=headers)
    assert answer.status_code == status, answer.text
    api.wait_queued(image_id)


@pytest.mark.parametrize(
    "request_text",
    [
        b"GET /v2/images?a=\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /v2/images/\xc3\xbc HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /v2/images HTTP/1.1\r\nHost: x\r\nAccept: \xff\r\nX-Auth-Token: \xff\r\n\r\n",
        b"GET /v2/images HTTP/1.1\r\nHost: x\r\nX-Openstack-Request-Id: \xff\r\n\r\n",
        b"GET /v2/images HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET v2 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"POST /v2/images HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
    ],
)
def test_what_is_hardly_http(api: Api, request_text: bytes) -> None:
    with socket.create_connection(("127.0.0.1", api.port), timeout=10) as connection:
        connection.sendall(request_text)
        answer = connection.recv(4096)
    assert answer.split()[1][:1] in (b"2", b"3", b"4"), answer
    assert api.http.get("/v2/images").status_code == 200
