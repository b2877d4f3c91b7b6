"""Who a request without authentication comes from."""

import asyncio
from collections.abc import Mapping

import pytest

from glimpse.access.caller import Caller, Unauthenticated
from glimpse.access.noauth import NoAuth


def ask(headers: Mapping[str, str]) -> Caller:
    return asyncio.run(NoAuth().authenticate(headers, "GET", "/v2/images"))


def test_without_a_token_everybody_is_admin_without_a_project() -> None:
    caller = ask({})
    assert caller.is_admin
    assert caller.project_id is None
    assert "admin" in caller.roles


@pytest.mark.parametrize("token", ["", "notused", "gAAAAABn"])
def test_a_token_that_names_nobody_is_like_none(token: str) -> None:
    assert ask({"x-auth-token": token}).is_admin


def test_a_token_that_a_client_has_quoted_is_understood() -> None:
    caller = ask({"x-auth-token": "alice%3Ablue%3Amember%2Creader"})
    assert (caller.user_id, caller.project_id, caller.is_admin) == ("alice", "blue", False)
    assert caller.roles == {"member", "reader"}


def test_a_token_names_user_project_and_roles() -> None:
    caller = ask({"x-auth-token": "alice:blue:Auditor,reader"})
    assert (caller.user_id, caller.project_id) == ("alice", "blue")
    assert caller.roles == {"auditor", "reader"}
    assert not caller.is_admin


def test_a_role_brings_the_roles_that_it_implies_in_a_fresh_keystone() -> None:
    assert ask({"x-auth-token": "a:b:member"}).roles == {"member", "reader"}
    admin = ask({"x-auth-token": "a:b:admin"})
    assert admin.roles == {"admin", "manager", "member", "reader"}
    assert admin.is_admin
    assert admin.project_id == "b"


@pytest.mark.parametrize(
    "token",
    [":", "alice:blue", "alice:blue:", "alice::member", ":blue:member", "a:b:c:d", "a:b:x,,y"],
)
def test_a_token_of_another_form_is_refused(token: str) -> None:
    with pytest.raises(Unauthenticated):
        ask({"x-auth-token": token})
