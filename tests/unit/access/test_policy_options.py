"""What ``[oslo_policy]`` says besides files: the default rule, and how a server is asked."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from glimpse.access.caller import Caller
from glimpse.access.policy import BrokenPolicy, Policy
from glimpse.config import load

ADMIN = Caller("ann", "blue", frozenset({"admin"}), is_admin=True)
MEMBER = Caller("bob", "blue", frozenset({"member"}), is_admin=False)


def policy(tmp_path: Path, rules: dict[str, str], *options: str) -> Policy:
    (tmp_path / "policy.yaml").write_text(json.dumps(rules))
    configuration = tmp_path / "glance-api.conf"
    configuration.write_text("\n".join(["[oslo_policy]", *options]))
    settings = load([configuration], (), tmp_path / "data")
    assert settings.warnings == ()
    return Policy.of(settings)


def test_the_default_rule_stands_in_for_rules_that_are_not_there(tmp_path: Path) -> None:
    rules = {"get_image": "rule:nowhere", "mine": "role:member", "default": "role:admin"}
    closed = policy(tmp_path, rules)
    assert [closed.allows("get_image", who, {}) for who in (ADMIN, MEMBER)] == [True, False]
    other = policy(tmp_path, rules, "policy_default_rule = mine")
    assert [other.allows("get_image", who, {}) for who in (ADMIN, MEMBER)] == [False, True]


@pytest.mark.parametrize("options", [(), ("policy_default_rule = nowhere_either",)])
def test_a_rule_that_is_not_there_is_refused_where_the_operator_wrote_no_default(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    with pytest.raises(BrokenPolicy):
        policy(tmp_path, {"get_image": "rule:nowhere"}, *options)


@contextmanager
def judge() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """The address of a server that allows everything, and what it is asked."""
    asked: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked.append((self.headers["Content-Type"], body))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"True")

        def log_message(self, format: str, *arguments: object) -> None:
            """Nobody reads it."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/judge", asked
        finally:
            server.shutdown()
            thread.join()


def test_a_server_is_asked_in_the_form_that_the_operator_wants(tmp_path: Path) -> None:
    with judge() as (url, asked):
        rules = {"get_image": url}
        assert policy(tmp_path, rules).allows("get_image", MEMBER, {"owner": "blue"})
        json_ = policy(tmp_path, rules, "remote_content_type = application/json")
        assert json_.allows("get_image", MEMBER, {"owner": "blue"})
    (form, _), (kind, body) = asked
    assert (form, kind) == ("application/x-www-form-urlencoded", "application/json")
    told = json.loads(body)
    assert (told["rule"], told["target"]) == ("get_image", {"owner": "blue"})
    assert told["credentials"]["user_id"] == "bob"


def test_what_oslo_policy_does_not_know_is_warned_of(tmp_path: Path) -> None:
    configuration = tmp_path / "glance-api.conf"
    configuration.write_text("[oslo_policy]\nremote_colour = red\n")
    (warning,) = load([configuration], (), tmp_path / "data").warnings
    assert "[oslo_policy] remote_colour" in warning
