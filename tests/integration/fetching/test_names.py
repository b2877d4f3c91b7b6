"""Names whose addresses are mixed, change, or never come."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from glimpse.testing.httpserver import HttpServer, Reply
from tests.integration.fetching.conftest import Listen
from tests.integration.fetching.world import DATA, GOOD, GOOD_6, Walled, import_from, refused_import
from tests.servers.nameserver import Answer, NameServer, at

# One more than the api has threads for writing.
MANY = 9


@pytest.fixture(autouse=True)
def good(serve: Listen) -> HttpServer:
    return serve({"/disk": Reply(DATA, ranges=True)})


def forbidden(service: Walled) -> list[tuple[str, int]]:
    return [place for place in service.dialled() if place != (GOOD, 80)]


@pytest.mark.parametrize(
    ("name", "answers"),
    [
        ("mixed", at("127.0.0.1", "169.254.169.254", GOOD, "0.0.0.0")),
        ("mixed-6", at("::1", "fd00:ec2::254", "::ffff:127.0.0.1", GOOD)),
        ("alias-of-good", [Answer(alias="alias-of-alias-of-good.example")]),
        ("alias-of-alias-of-good", [Answer(alias="example.org")]),
    ],
)
def test_only_the_good_addresses_of_a_name_are_connected_to(
    service: Walled, names: NameServer, name: str, answers: list[Answer]
) -> None:
    names.names |= {
        f"{name}.example": answers,
        "alias-of-alias-of-good.example": [Answer(alias="example.org")],
    }
    image_id, record = import_from(service, f"http://{name}.example/disk")
    assert record["status"] == "success", record
    assert service.http.get(f"/v2/images/{image_id}/file").content == DATA
    assert service.dialled() == [(GOOD, 80)]


def test_a_bad_address_is_not_tried_when_the_good_one_fails(service: Walled, names: NameServer) -> None:
    names.names["failing.example"] = at("127.0.0.1", "93.184.216.35", "169.254.169.254")
    # Nobody listens at that port of the good address.
    said = refused_import(service, "https://failing.example/disk")
    assert said == "Cannot connect to https://failing.example/disk: Connection refused."
    assert service.dialled() == [("93.184.216.35", 443)]


def test_all_good_addresses_are_tried(service: Walled, names: NameServer) -> None:
    names.names["several.example"] = at("93.184.216.36", GOOD_6, "93.184.216.37")
    said = refused_import(service, "https://several.example/disk")
    assert said == "Cannot connect to https://several.example/disk: Connection refused."
    assert set(service.dialled()) == {(GOOD_6, 443), ("93.184.216.36", 443), ("93.184.216.37", 443)}


def test_a_name_that_turns_bad_between_the_call_and_the_fetch_is_refused(
    service: Walled, names: NameServer, trap: HttpServer
) -> None:
    for number, bad in enumerate(("127.0.0.1", "169.254.169.254", "::1", "64:ff9b::7f00:1", "10.66.0.9")):
        name = f"turning-{number}.example"
        names.names[name] = [Answer((GOOD,)), Answer((bad,))]
        said = refused_import(service, f"http://{name}/disk")
        assert said.startswith(f"The host {name} may not be connected to: its address is ")
        assert bad not in said.replace("(IPv4 127.0.0.1 inside)", "")
        assert names.asked[name] == 2
    assert service.dialled() == []
    assert trap.connections == 0


def test_a_name_that_turns_bad_between_the_check_and_the_connection_gains_nothing(
    service: Walled, names: NameServer
) -> None:
    """It is looked up once for each check, and the connection goes to what that look-up brought."""
    names.names["rebound.example"] = [Answer((GOOD,)), Answer((GOOD,)), Answer(("127.0.0.1",))]
    _, record = import_from(service, "http://rebound.example/disk")
    assert record["status"] == "success", record
    assert names.asked["rebound.example"] == 2
    assert service.dialled() == [(GOOD, 80)]


def test_a_name_that_turns_bad_after_an_image_was_made_of_it_is_not_read(
    service: Walled, names: NameServer
) -> None:
    names.names["turncoat.example"] = [Answer((GOOD,))]
    image_id = service.create()
    body = {"url": "http://turncoat.example/disk"}
    assert service.http.post(f"/v2/images/{image_id}/locations", json=body).status_code == 202
    service.ended(image_id)
    assert service.http.get(f"/v2/images/{image_id}/file").content == DATA
    names.names["turncoat.example"] = [Answer(("127.0.0.1", "169.254.169.254"))]
    answer = service.http.get(f"/v2/images/{image_id}/file")
    assert answer.status_code >= 400
    assert b"127.0.0.1" not in answer.content
    assert forbidden(service) == []


def test_a_redirect_is_looked_up_and_judged_again(
    service: Walled, names: NameServer, good: HttpServer
) -> None:
    names.names["hop.example"] = [Answer((GOOD,)), Answer((GOOD,)), Answer(("127.0.0.1",))]
    good.replies["/old"] = Reply(redirect="/disk")
    said = refused_import(service, "http://hop.example/old")
    assert said.startswith("The redirect from http://hop.example/old to http://hop.example/disk is refused: ")
    assert "its address is a loopback address" in said
    assert service.dialled() == [(GOOD, 80)]


def test_a_silent_name_server_keeps_nobody_else_waiting(service: Walled, names: NameServer) -> None:
    names.names["silent.example"] = [Answer(silent=True)]
    images = [service.create() for _ in range(MANY)]
    before = names.asked["silent.example"]

    def ask(image_id: str) -> tuple[int, str]:
        method = {"name": "web-download", "uri": "http://silent.example/disk"}
        answer = service.http.post(f"/v2/images/{image_id}/import", json={"method": method})
        return answer.status_code, answer.text

    with ThreadPoolExecutor(MANY) as callers:
        waiting = [callers.submit(ask, image_id) for image_id in images]
        assert names.wait_asked("silent.example", before + MANY, 10)
        service.create()
        assert not any(caller.done() for caller in waiting)
        for status, text in (caller.result() for caller in waiting):
            assert status == 400
            assert "silent.example does not resolve: no answer from the name server in 4 seconds" in text
    assert service.dialled() == []
