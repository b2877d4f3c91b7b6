"""Requests of every kind, right and wrong, as fast as they go, at one process: all are answered, none is kept.

``make fuzz`` lets this go on for minutes: ``GLIMPSE_SOAK_SECONDS``.
"""

import http.client
import json
import os
import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.fuzz.inputs import mutated
from tests.integration.api.service import BYTES, V21, Api

SECONDS = float(os.environ.get("GLIMPSE_SOAK_SECONDS", "6"))
# Half of the time is for caches and pools to fill. A process has 150 MiB; the allocator's pieces come and go by some.
GROWTH = 12 << 20
THREADS = 4
ANSWER_SECONDS = 20.0

TOKENS = ["notused", "ann:blue:member", "root:ops:admin", "rob:blue:reader", "zoe:green:member", "a:b", "::"]
QUERIES = [
    "limit=5&sort=name:asc,id:desc", "name=in:a,%22b,c%22&visibility=all", "created_at=gte:2026-01-01T00:00:00Z",
    "size_min=1&tag=a&tag=b&os_hidden=true", "marker=x&member_status=all&colour=blue", "prefer=main",
]  # fmt: skip
BODIES = [
    json.dumps(body).encode()
    for body in (
        {"name": "x", "disk_format": "raw", "container_format": "bare", "tags": ["a"], "colour": "blue"},
        [{"op": "add", "path": "/colour", "value": "red"}, {"op": "remove", "path": "/colour"}],
        [{"op": "replace", "path": "/min_disk", "value": 10}, {"op": "add", "path": "/tags", "value": ["b"]}],
        {"member": "red"},
        {"status": "accepted"},
        {"method": {"name": "web-download", "uri": "http://127.0.0.1:1/x"}, "stores": ["main"]},
        {
            "url": "http://127.0.0.1:1/x",
            "validation_data": {"os_hash_algo": "md5", "os_hash_value": "ab" * 16},
        },
        {"type": "import", "input": {"import_from": "http://127.0.0.1:1/", "import_from_format": "raw"}},
    )
]
OTHER = [
    "images",
    "tasks",
    "info/import",
    "info/stores",
    "info/usage",
    "schemas/image",
    "schemas/tasks",
    "cache",
]
BELOW = ["", "/file", "/stage", "/import", "/tasks", "/members", "/members/red", "/tags/a", "/locations"]
BELOW += ["/actions/deactivate", "/actions/reactivate"]
HEADERS = [("Range", "bytes=0-9"), ("Accept", "application/json"), ("X-OpenStack-Request-ID", "req-1")]
HEADERS += [
    ("X-OpenStack-Image-Size", "4"),
    ("Content-Range", "bytes 0-1/4"),
    ("Accept-Language", "de;q=0.5"),
]


class Requests:
    """One connection that asks this and that until the time is over."""

    def __init__(self, api: Api, images: list[str], number: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", api.port, timeout=ANSWER_SECONDS)
        self._chance = random.Random(number)
        self._images = images
        self.answers: Counter[int] = Counter()

    def until(self, end: float) -> Counter[int]:
        """Ask; then how often there was which answer. Raises TimeoutError where there was none."""
        with closing(self._connection):
            while time.monotonic() < end:
                self._ask()
        return self.answers

    def _ask(self) -> None:
        chance = self._chance
        method = chance.choice(("GET", "GET", "POST", "PUT", "PATCH", "DELETE"))
        path = f"images/{chance.choice(self._images)}{chance.choice(BELOW)}"
        if chance.random() < 0.4:
            path = chance.choice(OTHER)
        if chance.random() < 0.3:
            path = mutated(chance, [path])
        query = f"?{mutated(chance, QUERIES)}" if chance.random() < 0.4 else ""
        headers = {"X-Auth-Token": chance.choice(TOKENS)}
        for name, value in chance.sample(HEADERS, chance.randrange(3)):
            headers[name] = _line(mutated(chance, [value]))
        body = None
        if method in ("POST", "PUT", "PATCH") or chance.random() < 0.05:
            body = mutated(chance, BODIES)
            headers |= V21 if method == "PATCH" else BYTES
        target = quote(f"/v2/{path}{query}"[:4000], safe="/?&=%:,;@+~", errors="replace")
        try:
            self._connection.request(method, target, body, headers)
            answer = self._connection.getresponse()
            answer.read()
        except (http.client.BadStatusLine, ConnectionError):
            # A server may end a connection when it has refused a request before it was whole.
            self._connection.close()
            self.answers[0] += 1
            return
        self.answers[answer.status] += 1
        assert answer.status < 500 or answer.status == 501, (
            f"{answer.status}: {method} {target} {headers} {body!r}"
        )


def _line(value: str) -> str:
    return "".join(letter for letter in value if letter.isprintable() and ord(letter) < 256)


def memory(api: Api) -> int:
    return sum(worker.memory_info().rss for worker in api.workers())


@pytest.mark.slow
@pytest.mark.timeout(max(120.0, 3 * SECONDS))
def test_memory_stays_as_it_is_whatever_is_asked(tmp_path: Path) -> None:
    with Api(tmp_path) as api:
        seen, sizes = soaked(api)
        assert api.http.get("/v2/images").status_code == 200
    assert {200, 400, 403, 404} <= seen.keys()
    assert sizes[1] - sizes[0] < GROWTH, f"{sizes}, {sum(seen.values())} requests: {dict(seen)}"


def soaked(api: Api) -> tuple[Counter[int], list[int]]:
    """What was answered, and how much memory was used after half of it and at its end."""
    images = [api.active(b"data", owner="blue", visibility="public") for _ in range(10)]
    images += [api.create(owner="blue") for _ in range(50)]
    seen: Counter[int] = Counter()
    sizes = []
    with ThreadPoolExecutor(THREADS) as pool:
        for part in range(2):
            end = time.monotonic() + SECONDS / 2
            asking = [Requests(api, images, THREADS * part + number) for number in range(THREADS)]
            for answers in [pool.submit(each.until, end) for each in asking]:
                seen += answers.result()
            sizes.append(memory(api))
    return seen, sizes
