"""What the service refuses to start with."""

import socket
import subprocess
import sys
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


# In a process of its own: what oslo.limit declares stays declared in oslo.config's CONF.
CHECK = """
import sys
from pathlib import Path
from glimpse.cli.checks import check_limits
from glimpse.cli.options import source
check_limits(source((Path(sys.argv[1]),), (), Path(sys.argv[1]).parent).load())
"""
ACCOUNT = "auth_type = password\nauth_url = http://127.0.0.1:1/v3\nusername = glance\n"


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("endpoint_id = x\n", "[oslo_limit] names none"),
        ("auth_type = magic\nendpoint_id = x\n", "[oslo_limit] cannot be used: The plugin magic"),
        ("auth_type = password\nendpoint_id = x\n", "[oslo_limit] cannot be used: Auth plugin requires"),
        (ACCOUNT, "to which endpoint limits belong, and [oslo_limit] does not say"),
        # Whether Keystone answers is not asked: it may start after this service.
        (f"{ACCOUNT}endpoint_service_type = image\n", ""),
        (f"endpoint_id = x\nauth_section = account\n[account]\n{ACCOUNT}", ""),
    ],
)
def test_unified_limits_need_an_account_and_an_endpoint(tmp_path: Path, section: str, message: str) -> None:
    file = tmp_path / "glance-api.conf"
    file.write_text(f"[DEFAULT]\nuse_keystone_limits = true\n[oslo_limit]\n{section}")
    checked = subprocess.run([sys.executable, "-c", CHECK, file], capture_output=True, text=True)
    assert (checked.returncode == 0) == (message == ""), checked.stderr
    assert message in checked.stderr
