"""Whatever URL somebody gives, through whatever door: no forbidden address is ever connected to."""

from collections.abc import Callable, Mapping, Sequence

import httpx
import pytest

from glimpse.testing.httpserver import HttpServer, Reply
from tests.hostile_uris import HOSTILE
from tests.integration.api.service import V21
from tests.integration.fetching.conftest import Listen
from tests.integration.fetching.world import DATA, GOOD, Walled
from tests.servers.nameserver import NXDOMAIN, REFUSED, SERVFAIL, Answer, NameServer, at

Door = Callable[[Walled, str, str], httpx.Response]

# Names, and why they are refused.
NAMES: Mapping[str, tuple[Sequence[Answer], str]] = {
    "loopback": (at("127.0.0.1"), "a loopback address"),
    "loopback-far": (at("127.9.9.9"), "a loopback address"),
    "loopback-6": (at("::1"), "a loopback address"),
    "both-loopbacks": (at("127.0.0.1", "::1"), "a loopback address"),
    "metadata": (at("169.254.169.254"), "a metadata address"),
    "metadata-6": (at("fd00:ec2::254"), "a metadata address"),
    "metadata-elsewhere": (at("100.100.100.200"), "a metadata address"),
    "metadata-public": (at("168.63.129.16"), "a metadata address"),
    "link-local": (at("169.254.3.4"), "a link-local address"),
    "link-local-6": (at("fe80::1"), "a link-local address"),
    "this-host": (at("0.0.0.0"), "an unspecified address"),
    "this-host-6": (at("::"), "an unspecified address"),
    "this-network": (at("0.1.2.3"), "an unspecified address"),
    "shared": (at("100.64.0.1"), "a shared address"),
    "multicast": (at("224.0.0.1", "ff02::1"), "a multicast address"),
    "reserved": (at("240.0.0.1"), "a reserved address"),
    "broadcast": (at("255.255.255.255"), "a reserved address"),
    "mapped": (at("::ffff:127.0.0.1"), "a loopback address"),
    "mapped-metadata": (at("::ffff:169.254.169.254"), "a metadata address"),
    "translated": (at("::ffff:0:127.0.0.1"), "a loopback (IPv4 127.0.0.1 inside) address"),
    "compatible": (at("::127.0.0.1"), "a loopback (IPv4 127.0.0.1 inside) address"),
    "nat64": (at("64:ff9b::7f00:1"), "a loopback (IPv4 127.0.0.1 inside) address"),
    "nat64-metadata": (at("64:ff9b::a9fe:a9fe"), "a metadata (IPv4 169.254.169.254 inside) address"),
    "nat64-local": (at("64:ff9b:1::7f00:1"), "a local NAT64 address"),
    "6to4": (at("2002:7f00:1::"), "a loopback (IPv4 127.0.0.1 inside) address"),
    "teredo": (at("2001:0:7f00:1::"), "a loopback (IPv4 127.0.0.1 inside) address"),
    "isatap": (at("2600::5efe:127.0.0.1"), "a loopback (IPv4 127.0.0.1 inside) address"),
    "all-bad": (at("127.0.0.1", "169.254.169.254", "0.0.0.0", "::1", "fe80::1"), "a loopback address"),
    "alias": ([Answer(alias="loopback.example")], "a loopback address"),
    "alias-of-alias": ([Answer(alias="alias.example")], "a loopback address"),
    "alias-of-metadata": ([Answer(alias="metadata.example")], "a metadata address"),
    "alias-to-nowhere": ([Answer(alias="nowhere.example")], "does not resolve"),
    "alias-to-itself": ([Answer(alias="alias-to-itself.example")], "does not resolve"),
    "denied-network": (at("10.66.1.2"), "in disallowed_networks"),
    "denied-network-6": (at("64:ff9b::a42:102"), "in disallowed_networks"),
    "denied-address": (at("93.184.216.99"), "in disallowed_hosts"),
    "denied": (at(GOOD), "in disallowed_hosts"),
    "empty": ([Answer()], "does not resolve"),
    "not-there": ([Answer(code=NXDOMAIN)], "does not resolve"),
    "broken": ([Answer(code=SERVFAIL)], "does not resolve"),
    "unwilling": ([Answer(code=REFUSED)], "does not resolve"),
}
# The same in URLs that need no name server of their own.
MORE = (
    "http://10.66.0.1/",
    "http://[64:ff9b::a42:1]/",
    "http://[2002:a42:1::]/",
    "http://93.184.216.99/",
    "http://[::ffff:93.184.216.99]/",
    "http://localhost/",
    "http://intranet/",
    "http://ip6-localhost/",
    f"http://{GOOD}:22/",
    f"http://{GOOD}:6379/",
    f"http://{GOOD}@127.0.0.1/",
    f"http://127.0.0.1#@{GOOD}/",
    f"http://127.0.0.1?@{GOOD}/",
    f"http://127.0.0.1\\@{GOOD}/",
    f"http://{GOOD}\\@127.0.0.1/",
    "dict://127.0.0.1:11211/stat",
    "ldap://127.0.0.1/",
    "data:application/octet-stream;base64,AAAA",
    "unix:/run/glimpse.sock",
    "nbd://127.0.0.1/",
    "json:{}",
)


def by_import(service: Walled, image_id: str, uri: str) -> httpx.Response:
    method = {"name": "web-download", "uri": uri}
    return service.http.post(f"/v2/images/{image_id}/import", json={"method": method})


def by_location(service: Walled, image_id: str, uri: str) -> httpx.Response:
    return service.http.post(f"/v2/images/{image_id}/locations", json={"url": uri})


def by_patch(service: Walled, image_id: str, uri: str) -> httpx.Response:
    change = {"op": "add", "path": "/locations/-", "value": {"url": uri, "metadata": {}}}
    return service.http.patch(f"/v2/images/{image_id}", json=[change], headers=V21)


def by_task(service: Walled, image_id: str, uri: str) -> httpx.Response:
    given = {"import_from": uri, "import_from_format": "raw", "image_properties": {"name": image_id}}
    return service.http.post("/v2/tasks", json={"type": "import", "input": given})


DOORS: Mapping[str, Door] = {
    "import": by_import,
    "location": by_location,
    "patch": by_patch,
    "task": by_task,
}


@pytest.fixture(scope="module", autouse=True)
def told(names: NameServer) -> None:
    names.names |= {f"{name}.example": answers for name, (answers, _) in NAMES.items()}
    # A name that is there only for who appends what resolv.conf says to search in.
    names.names["intranet.inner.example"] = at(GOOD)


@pytest.fixture
def good(serve: Listen) -> HttpServer:
    """The one server that may be fetched from."""
    return serve({"/disk": Reply(DATA, ranges=True)})


@pytest.fixture(scope="module")
def image(service: Walled) -> str:
    """An image that nothing ever happens to."""
    return service.create()


def refused(service: Walled, image: str, uri: str) -> list[str]:
    """What each door says to a URI; none may do more than that."""
    said = []
    for name, door in DOORS.items():
        answer = door(service, image, uri)
        assert answer.status_code in ((400,) if name in ("import", "task") else (400, 403)), (
            name,
            answer.text,
        )
        said.append(answer.text)
    assert service.dialled() == []
    return said


@pytest.mark.parametrize("uri", [*(uri for uri, _ in HOSTILE), *MORE], ids=lambda uri: ascii(uri)[:60])
def test_a_hostile_url_is_refused_at_every_door(
    service: Walled, image: str, trap: HttpServer, uri: str
) -> None:
    refused(service, image, uri)
    assert trap.connections == 0


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_a_forbidden_address_is_refused_at_every_door(
    service: Walled, image: str, trap: HttpServer, name: str
) -> None:
    answers, why = NAMES[name]
    for text in refused(service, image, f"http://{name}.example/disk"):
        assert why in text
        assert f"{name}.example" in text
        assert "does not resolve" in text or "[import_filtering_opts]" in text, "who can change it is told"
        # Nothing is learned about what the name has inside, but of which kind it is.
        for address in answers[0].addresses:
            assert f" {address}" not in text.replace("(IPv4 127.0.0.1", "").replace(
                "(IPv4 169.254.169.254", ""
            )
    assert trap.connections == 0


def test_nothing_has_happened_to_the_image(service: Walled, image: str) -> None:
    for uri in ("http://127.0.0.1/", "http://metadata.example/"):
        refused(service, image, uri)
    shown = service.show(image)
    assert (shown["status"], shown["locations"], shown["size"]) == ("queued", [], None)
    assert service.http.get(f"/v2/images/{image}/import").status_code == 404


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("uri", [f"http://{GOOD}/disk", "http://example.org/disk"])
def test_the_same_doors_let_a_good_url_in(service: Walled, good: HttpServer, door: str, uri: str) -> None:
    """Without this the others would prove nothing."""
    image_id = service.create()
    answer = DOORS[door](service, image_id, uri)
    assert answer.status_code in (200, 201, 202), answer.text
    if door == "task":
        image_id = str(answer.json()["image_id"])
    service.wait(lambda: service.show(image_id)["status"] == "active")
    assert service.http.get(f"/v2/images/{image_id}/file").content == DATA
    assert service.dialled() == [(GOOD, 80)]


def test_the_log_says_to_the_operator_what_users_are_not_told(service: Walled, image: str) -> None:
    refused(service, image, "http://denied-network.example/")
    log = service.log.read_text()
    assert (
        "host denied-network.example: 10.66.1.2 is in disallowed_networks ([import_filtering_opts] decides)."
        in log
    )


def test_there_are_as_many_as_promised() -> None:
    assert len(HOSTILE) + len(MORE) + len(NAMES) >= 200
