"""Who may do what with which property."""

from pathlib import Path
from typing import get_args

import pytest

from glimpse.access.caller import Caller
from glimpse.access.policy import Policy
from glimpse.access.protection import REMEMBERED, Protection
from glimpse.access.protection_file import BrokenProtection, Format, Operation, parse
from glimpse.config import load

OPERATIONS: tuple[Operation, ...] = get_args(Operation)

ROLES = """
[^x_owner_.*]
create = admin,member
read = admin,member,reader
update = admin
delete = admin

[secret]
create = Auditor
read = auditor
update = !
delete =

[^public_]
create = admin,@
read = @
update = admin,!
delete = admin
"""


def who(*roles: str, service: tuple[str, ...] = ()) -> Caller:
    return Caller("u", "blue", frozenset(roles), "admin" in roles, service_roles=frozenset(service))


def protection(text: str, format: Format = "roles", policy: Policy | None = None) -> Protection:
    return Protection(parse(text, format), format, policy or Policy())


def rights(rules: Protection, name: str, caller: Caller) -> str:
    return " ".join(each for each in OPERATIONS if rules.may(each, name, caller))


@pytest.mark.parametrize(
    ("name", "roles", "allowed"),
    [
        ("x_owner_a", ["admin"], "create read update delete"),
        ("x_owner_a", ["member"], "create read"),
        ("x_owner_a", ["reader"], "read"),
        ("x_owner_a", ["other"], ""),
        ("x_owner_a", [], ""),
        # The first section that is found anywhere in the name decides, though a later one says more.
        ("my_x_owner_a", ["admin"], ""),
        ("x_owner_secret", ["admin"], "create read update delete"),
        ("my_secret_key", ["admin"], ""),
        ("my_secret_key", ["auditor"], "create read"),
        ("public_secret", ["admin"], ""),
        ("public_a", ["other"], "create read"),
        ("public_a", ["admin"], "create read delete"),
        ("not_public_a", ["admin"], ""),
        # Nobody is told about the service's own; that they cannot be written is decided elsewhere.
        ("os_glance_failed_import", [], "create read update delete"),
        ("my_os_glance_secret", ["admin"], ""),
    ],
)
def test_roles(name: str, roles: list[str], allowed: str) -> None:
    assert rights(protection(ROLES), name, who(*roles)) == allowed


def test_roles_of_the_service_that_hands_a_request_on_count() -> None:
    rules = protection(ROLES)
    assert rights(rules, "secret", who("member", service=("auditor",))) == "create read"
    assert rights(rules, "secret", who("member", service=("service",))) == ""


def test_without_sections_nobody_may_do_anything() -> None:
    assert rights(protection(""), "a", who("admin")) == ""


def test_policy_rules_are_asked_of_the_caller_alone(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(
        "property_creator: role:admin or service_roles:writer\n"
        "owners: project_id:%(owner)s\n"
        "user: user_id:u\n"
    )
    text = "[^a]\ncreate = property_creator\nread = @\nupdate = owners\ndelete = !\n"
    text += "[.*]\ncreate = user\nread = context_is_admin\nupdate =\ndelete = user\n"
    rules = protection(text, "policies", Policy(file))
    assert rights(rules, "a", who("admin")) == "create read"
    assert rights(rules, "a", who("member", service=("writer",))) == "create read"
    assert rights(rules, "a", who("property_creator")) == "read"
    assert rights(rules, "b", who("member")) == "create delete"
    assert rights(rules, "b", who("admin")) == "create read delete"


def test_a_policy_rule_that_is_not_there_is_told() -> None:
    with pytest.raises(BrokenProtection, match=r"\[\^a\] update = nowhere: there is no such policy rule"):
        protection("[^a]\ncreate = @\nread = default\nupdate = nowhere\ndelete = !\n", "policies")


def test_unreadable_are_the_names_that_the_caller_may_not_read() -> None:
    names = ["x_owner_a", "secret", "public_a", "unknown", "os_glance_stage_host"]
    rules = protection(ROLES)
    assert rules.unreadable(names, who("member")) == {"secret", "unknown"}
    assert rules.unreadable(names, who("auditor")) == {"x_owner_a", "unknown"}


def test_names_that_clients_invent_do_not_fill_the_memory() -> None:
    rules = protection(ROLES)
    for number in range(REMEMBERED + 100):
        rules.may("read", f"x{number}", who("admin"))
    assert rules._rule.cache_info().currsize == REMEMBERED


def configured(directory: Path, options: str) -> Protection | None:
    file = directory / "glance-api.conf"
    file.write_text(f"[DEFAULT]\n{options}\n")
    settings = load([file], (), directory / "data")
    return Protection.of(settings, Policy.of(settings))


def test_without_a_file_nothing_is_protected(tmp_path: Path) -> None:
    assert configured(tmp_path, "property_protection_rule_format = policies") is None


def test_the_file_is_looked_for_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "protections.conf").write_text(ROLES)
    for named in ("protections.conf", tmp_path / "protections.conf"):
        rules = configured(tmp_path, f"property_protection_file = {named}")
        assert rules is not None
        assert rights(rules, "secret", who("auditor")) == "create read"


@pytest.mark.parametrize(
    ("content", "format", "complaint"),
    [
        (None, "roles", "property_protection_file = protections.conf: there is no such file"),
        (
            ROLES,
            "policies",
            r"protections\.conf: \[\^x_owner_\.\*\] create = admin,member: there must be one",
        ),
        (ROLES.replace("delete =\n", ""), "roles", r"protections\.conf: \[secret\] lacks delete"),
        (
            "[a]\ncreate=x\nread=@\nupdate=@\ndelete=@\n",
            "policies",
            r"protections\.conf: \[a\] create = x: there is",
        ),
    ],
)
def test_what_is_wrong_is_told_with_file_section_and_key(
    tmp_path: Path, content: str | None, format: str, complaint: str
) -> None:
    if content is not None:
        (tmp_path / "protections.conf").write_text(content)
    options = f"property_protection_file = protections.conf\nproperty_protection_rule_format = {format}"
    with pytest.raises(BrokenProtection, match=complaint):
        configured(tmp_path, options)
