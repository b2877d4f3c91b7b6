"""Networks that an operator opens and closes: what is connected to then, and what is not."""

from collections.abc import Iterator
from ipaddress import ip_address

import pytest

from glimpse.testing.authority import Authority
from glimpse.testing.httpserver import HttpServer, Reply
from tests.integration.fetching.world import DATA, GOOD, GOOD_6, Walled, import_from
from tests.servers.internet import Internet
from tests.servers.nameserver import NameServer, at

# As docs/methods/web-download.md has it: the internet, and inside the mirrors alone; loopback's part is for this test.
OPTIONS: dict[str, object] = {
    "import_filtering_opts.allow_private_networks": False,
    "import_filtering_opts.allowed_networks": [
        "0.0.0.0/0",
        "::/0",
        "10.20.0.0/16",
        "fd20::/16",
        "127.9.0.0/16",
    ],
    "import_filtering_opts.disallowed_networks": ["10.20.9.0/24", "93.184.217.0/24"],
}

OPEN = (GOOD, GOOD_6, "10.20.0.1", "10.20.10.1", "fd20::1", "127.9.0.1")
CLOSED = {
    "127.0.0.1": "address",
    "127.8.0.1": "address",
    "::1": "address",
    "169.254.169.254": "address",
    "64:ff9b::a14:1": "allow_private_networks",
    "10.21.0.1": "allow_private_networks",
    "192.168.1.1": "allow_private_networks",
    "172.16.0.1": "allow_private_networks",
    "fd21::1": "allow_private_networks",
    "fd00:ec2::254": "address",
    "10.20.9.1": "disallowed_networks",
    "64:ff9b::a14:901": "disallowed_networks",
    "2002:a14:901::": "disallowed_networks",
    "93.184.217.1": "disallowed_networks",
}


@pytest.fixture(scope="module")
def fenced(
    internet: Internet, names: NameServer, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Walled]:
    directory = tmp_path_factory.mktemp("fenced") / "data"
    with Walled(internet, authority.certificate, directory, OPTIONS) as running:
        running.conduct()
        yield running


@pytest.fixture
def anywhere(trap: HttpServer) -> Iterator[HttpServer]:
    """The server that answers at all addresses has something to give."""
    trap.replies["/disk"] = Reply(DATA, ranges=True)
    yield trap
    del trap.replies["/disk"]


def urls(names: NameServer, address: str) -> list[str]:
    """The same place by its address and by a name."""
    name = f"at-{int(ip_address(address)):x}.example"
    names.names[name] = at(address)
    host = f"[{address}]" if ":" in address else address
    return [f"http://{host}/disk", f"http://{name}/disk"]


@pytest.mark.parametrize("address", OPEN)
def test_what_is_open_is_fetched_from(
    fenced: Walled, names: NameServer, anywhere: HttpServer, internet: Internet, address: str
) -> None:
    for url in urls(names, address):
        internet.watch.forget()
        image_id, record = import_from(fenced, url)
        assert record["status"] == "success", record
        assert fenced.http.get(f"/v2/images/{image_id}/file").content == DATA
        assert fenced.dialled() == [(address, 80)]


@pytest.mark.parametrize("address", CLOSED)
def test_what_is_closed_is_not_connected_to(
    fenced: Walled, names: NameServer, anywhere: HttpServer, internet: Internet, address: str
) -> None:
    internet.watch.forget()
    for url in urls(names, address):
        image_id = fenced.create()
        body = {"method": {"name": "web-download", "uri": url}}
        answer = fenced.http.post(f"/v2/images/{image_id}/import", json=body)
        assert answer.status_code == 400, answer.text
        assert "may not be connected to" in answer.text
        closed_by = CLOSED[address]
        assert ("in disallowed_networks" in answer.text) == (closed_by == "disallowed_networks")
        assert ("a private" in answer.text) == (closed_by == "allow_private_networks")
    assert fenced.dialled() == []
