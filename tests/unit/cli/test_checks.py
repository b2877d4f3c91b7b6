"""What the service refuses to start with."""

import socket
from pathlib import Path

import pytest

from glimpse.cli.checks import check_authentication, check_port, check_reach, is_loopback
from glimpse.cli.options import source
from glimpse.errors import Conflict, Invalid


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "::1"])
def test_loopback_is_let_in(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_what_others_reach_is_refused_without_authentication(tmp_path: Path, host: str) -> None:
    assert not is_loopback(host)


def test_the_refusal_says_how_to_go_on(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="without authentication it does not listen on") as caught:
        check_reach(source((), (), tmp_path, host="0.0.0.0").load())
    assert "--host 127.0.0.1" in caught.value.hint
    check_reach(source((), (), tmp_path).load())


def test_what_others_reach_needs_an_authentication_or_an_operator_who_insists(tmp_path: Path) -> None:
    file = tmp_path / "glance-api.conf"
    for text in (
        "[glimpse]\nnoauth_beyond_loopback = true\n",
        "[paste_deploy]\nflavor = keystone\n",
        "[paste_deploy]\nflavor = http_basic+caching\n",
    ):
        file.write_text(text)
        check_reach(source((file,), (), tmp_path, host="0.0.0.0").load())


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[paste_deploy]\nflavor = keystone+cachemanagement\n", "auth_type is missing"),
        ("[paste_deploy]\nflavor = http_basic\n", "there is no htpasswd beside the configuration"),
        ("[paste_deploy]\nflavor = trusted-auth\n", "there is no trusted-auth here"),
    ],
)
def test_an_authentication_that_lacks_something_is_told(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "glance-api.conf"
    file.write_text(text)
    with pytest.raises(Invalid, match=complaint):
        check_authentication(source((file,), (), tmp_path).load())


def test_a_taken_port_is_told_before_anything_starts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Conflict, match=f"port {port} on 127.0.0.1 is taken"):
            check_port("127.0.0.1", port)
    check_port("127.0.0.1", port)
