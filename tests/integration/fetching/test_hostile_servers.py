"""Servers that may be fetched from, and do what they can to harm: through a real import each fails with its reason."""

import gzip
from collections.abc import Mapping

import pytest

from glimpse.testing.httpserver import HttpServer, Reply
from tests.integration.api.service import V21
from tests.integration.fetching.conftest import Listen
from tests.integration.fetching.world import DATA, GOOD, Walled, refused_import
from tests.servers.nameserver import NameServer, at

URL = f"http://{GOOD}"
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"

REDIRECTS = (
    "http://127.0.0.1/disk",
    "http://127.0.0.1:80/disk",
    "http://127.1/disk",
    "http://2130706433/disk",
    "http://0x7f000001/disk",
    "http://0177.0.0.1/disk",
    "http://0/disk",
    "http://0.0.0.0/disk",
    "http://[::]/disk",
    "http://[::1]/disk",
    "http://[::ffff:127.0.0.1]/disk",
    "http://[64:ff9b::7f00:1]/disk",
    "http://[fe80::1%25lo]/disk",
    "http://169.254.169.254/latest/meta-data/iam/security-credentials/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://100.100.100.200/",
    "http://10.66.0.1/disk",
    "http://localhost/disk",
    "http://inside.example/disk",
    "//169.254.169.254/",
    "\\\\169.254.169.254\\",
    "/\\169.254.169.254/",
    "http:\\\\127.0.0.1/",
    f"http://{GOOD}@127.0.0.1/disk",
    f"http://127.0.0.1\\@{GOOD}/disk",
    f"http://user:word@{GOOD}/disk",
    f"http://{GOOD}:22/",
    f"http://{GOOD}:6379/",
    "file:///etc/passwd",
    "file://127.0.0.1/etc/passwd",
    "FILE:///etc/passwd",
    "ftp://127.0.0.1/disk",
    "gopher://127.0.0.1:6379/_SLAVEOF",
    "dict://127.0.0.1:11211/stat",
    "data:application/octet-stream;base64,AAAA",
    "jar:http://127.0.0.1!/disk",
    "",
)

# What it answers, and words of the reason.
ANSWERS: Mapping[str, tuple[Reply, str]] = {
    "loop": (Reply(redirect="/loop"), "redirects in a loop"),
    "loop of two": (Reply(redirect="/loop-2"), "redirects in a loop"),
    "endless redirects": (Reply(redirect="/hop-1"), "redirects more than 10 times"),
    "shorter than announced": (Reply(DATA, announce=len(DATA) + 1), "was lost after 100000 of 100001 bytes"),
    "longer than announced": (Reply(DATA, announce=5), "sent more bytes than the 5 that Content-Length announced"),
    "nothing": (Reply(b""), "answered with no data"),
    "beyond the cap": (Reply(DATA, announce=(64 << 20) + 1), "announces 67108865 bytes, more than the 67108864"),
    "two lengths": (Reply(raw=HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"), "Content-Length '5, 6'"),
    "length of a kind": (Reply(raw=HEAD + b"Content-Length: +5\r\n\r\nhello"), "Content-Length '+5'"),
    "length below nothing": (Reply(raw=HEAD + b"Content-Length: -1\r\n\r\nhello"), "Content-Length '-1'"),
    "huge length": (Reply(raw=HEAD + b"Content-Length: 99999999999999999999\r\n\r\n"), "Content-Length '9999"),
    "compressed on the way": (
        Reply(gzip.compress(bytes(1 << 20)), headers={"Content-Encoding": "gzip"}),
        "content encoding 'gzip', which was not asked for",
    ),
    "compressed framing": (Reply(raw=HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n"), "transfer encoding 'gzip,"),
    "giant header": (Reply(raw=HEAD + b"X-Big: " + b"x" * 300_000 + b"\r\n\r\n"), "too large or broken"),
    "endless headers": (Reply(raw=HEAD + b"X: y\r\n" * 10_000 + b"\r\n"), "too large or broken"),
    "no chunk size": (Reply(raw=CHUNKED + b"zz\r\n"), "instead of a size"),
    "chunk of less than nothing": (Reply(raw=CHUNKED + b"-5\r\nhello\r\n0\r\n\r\n"), "instead of a size"),
    "chunk beyond measure": (Reply(raw=CHUNKED + b"f" * 17 + b"\r\nhello"), "instead of a size"),
    "chunk extension without end": (Reply(raw=CHUNKED + b"5;" + b"x" * 5000), "instead of a size"),
    "chunks cut short": (Reply(raw=CHUNKED + b"5\r\nhello\r\n"), "was lost after 5 bytes"),
    "endless trailers": (Reply(raw=CHUNKED + b"5\r\nhello\r\n0\r\n" + b"X: y\r\n" * 10_000), "endless trailers"),
    "silence": (Reply(silent=True), "does not answer: no byte for 2 seconds"),
    "a stall": (Reply(DATA, stall_after=1000), "stalled after 1000 of 100000 bytes"),
    "a trickle": (Reply(DATA, speed=500), "bytes per second, fewer than 1024"),
    "no HTTP": (Reply(raw=b"-ERR unknown command 'GET'\r\n"), "does not answer in HTTP"),
    "a banner": (Reply(raw=b"SSH-2.0-OpenSSH_9.2\r\n"), "does not answer in HTTP"),
    "a part that was not asked for": (Reply(DATA, status=206), "HTTP 206"),
    "protocols switched": (Reply(raw=b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"), "HTTP 101"),
    "hung up": (Reply(raw=b""), "closed the connection without a full answer"),
    "cut in the header": (Reply(raw=HEAD + b"Content-Le"), "closed the connection without a full answer"),
    "reset": (Reply(DATA, reset_after=1000), "was lost after 1000 of 100000 bytes"),
    "multiple choices": (Reply(DATA, status=300), "HTTP 300"),
    "nothing new": (Reply(status=304), "HTTP 304"),
    "a redirect to nowhere": (Reply(DATA, status=302), "HTTP 302 without a Location"),
}  # fmt: skip


@pytest.fixture
def good(serve: Listen, names: NameServer) -> HttpServer:
    names.names["inside.example"] = at("127.0.0.1", "10.66.0.1")
    hops = {f"/hop-{number}": Reply(redirect=f"/hop-{number + 1}") for number in range(1, 20)}
    return serve({**hops, "/loop-2": Reply(redirect="/answer"), "/disk": Reply(DATA, ranges=True)})


@pytest.mark.parametrize("location", REDIRECTS, ids=lambda location: ascii(location)[:50])
def test_a_redirect_to_what_may_not_be_fetched_fails_the_import(
    service: Walled, good: HttpServer, trap: HttpServer, location: str
) -> None:
    good.replies["/old"] = Reply(status=302, headers={"Location": location})
    said = refused_import(service, f"{URL}/old")
    if location:
        assert said.startswith(f"The redirect from {URL}/old to ")
    assert "word" not in said
    assert service.dialled() == [(GOOD, 80)]
    assert trap.connections == 0
    assert [request.path for request in good.requests] == ["/old"]


@pytest.mark.parametrize("kind", ANSWERS)
def test_a_hostile_answer_fails_the_import_with_its_reason(
    service: Walled, good: HttpServer, kind: str
) -> None:
    reply, why = ANSWERS[kind]
    path = "/loop" if kind == "loop" else "/answer"
    good.replies[path] = reply
    said = refused_import(service, URL + path)
    assert why in said
    assert service.dialled() == [(GOOD, 80)]
    good.resume()


def test_credentials_go_to_their_origin_alone(
    service: Walled, serve: Listen, good: HttpServer, names: NameServer
) -> None:
    other = serve({"/disk": Reply(DATA)}, host="93.184.216.40")
    names.names["elsewhere.example"] = at("93.184.216.40")
    good.replies["/old"] = Reply(redirect="/same")
    good.replies["/same"] = Reply(redirect="http://elsewhere.example/disk")
    image_id = service.create()
    assert service.begin(image_id, "web-download", uri=f"http://user:word@{GOOD}/old") == 202
    record = service.ended(image_id)
    assert record["status"] == "success", record
    assert ["authorization" in request.headers for request in good.requests] == [True, True]
    assert ["authorization" in request.headers for request in other.requests] == [False]
    assert "word" not in str(record)
    assert "word" not in service.http.get(f"/v2/images/{image_id}/tasks").text


# Answers of a server that says that it sends parts: status, headers besides, body.
RANGE_LIES: Mapping[str, Reply] = {
    "another part": Reply(raw=b"HTTP/1.1 206 P\r\nContent-Range: bytes 5-9/10\r\nContent-Length: 5\r\n\r\nhello"),
    "no part": Reply(raw=b"HTTP/1.1 206 P\r\nContent-Length: 5\r\n\r\nhello"),
    "less than all": Reply(raw=b"HTTP/1.1 206 P\r\nContent-Range: bytes 0-4/10\r\nContent-Length: 5\r\n\r\nhello"),
    "unknown whole": Reply(raw=b"HTTP/1.1 206 P\r\nContent-Range: bytes 0-4/*\r\nContent-Length: 5\r\n\r\nhello"),
    "another unit": Reply(raw=b"HTTP/1.1 206 P\r\nContent-Range: lines 0-4/5\r\nContent-Length: 5\r\n\r\nhello"),
    "below nothing": Reply(raw=b"HTTP/1.1 206 P\r\nContent-Range: bytes 0--1/0\r\nContent-Length: 5\r\n\r\nhello"),
    "several": Reply(raw=b"HTTP/1.1 206 P\r\nContent-Type: multipart/byteranges; boundary=x\r\n\r\n--x--"),
    "fewer bytes than said": Reply(
        raw=b"HTTP/1.1 206 P\r\nContent-Range: bytes 0-999999/1000000\r\nContent-Length: 5\r\n\r\nhello"
    ),
    "length unknown": Reply(raw=b"HTTP/1.1 200 OK\r\n\r\nhello"),
    "compressed": Reply(DATA, headers={"Content-Encoding": "br"}),
    "inward": Reply(redirect="http://127.0.0.1/disk"),
    "inward by name": Reply(redirect="http://inside.example/disk"),
    "to a file": Reply(redirect="file:///etc/passwd"),
}  # fmt: skip


@pytest.mark.parametrize("lie", RANGE_LIES)
def test_a_server_that_lies_about_its_object_gives_no_location(
    service: Walled, good: HttpServer, lie: str
) -> None:
    good.replies["/answer"] = RANGE_LIES[lie]
    image_id = service.create()
    change = {"op": "add", "path": "/locations/-", "value": {"url": f"{URL}/answer", "metadata": {}}}
    answer = service.http.patch(f"/v2/images/{image_id}", json=[change], headers=V21)
    assert answer.status_code == 400, answer.text
    assert (
        service.http.post(f"/v2/images/{image_id}/locations", json={"url": f"{URL}/answer"}).status_code
        == 202
    )
    assert service.ended(image_id)["status"] == "failure"
    shown = service.show(image_id)
    assert (shown["status"], shown["locations"]) == ("queued", [])
    assert set(service.dialled()) == {(GOOD, 80)}


@pytest.mark.parametrize("lie", ["another part", "fewer bytes than said", "inward", "to a file"])
def test_a_server_that_begins_to_lie_gives_no_data(service: Walled, good: HttpServer, lie: str) -> None:
    good.replies["/answer"] = Reply(DATA, ranges=True)
    image_id = service.create()
    service.http.post(f"/v2/images/{image_id}/locations", json={"url": f"{URL}/answer"})
    service.ended(image_id)
    good.replies["/answer"] = RANGE_LIES[lie]
    answer = service.http.get(f"/v2/images/{image_id}/file")
    assert answer.status_code == 503
    assert b"hello" not in answer.content
    assert set(service.dialled()) == {(GOOD, 80)}
