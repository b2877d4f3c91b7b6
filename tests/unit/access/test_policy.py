"""Rules, files and what they allow."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from oslo_policy import policy as oslo

from glimpse.access import policy as room
from glimpse.access.anonymous import ANYBODY
from glimpse.access.caller import Caller
from glimpse.access.policy import BrokenPolicy, Policy
from glimpse.access.rules import METADEF_RULES, RULES
from glimpse.config import load
from glimpse.errors import Forbidden


def who(project: str | None, *roles: str) -> Caller:
    return Caller("someone", project, frozenset(roles), "admin" in roles)


def image(owner: str | None = "blue", visibility: str = "private") -> Mapping[str, object]:
    return {"owner": owner, "project_id": owner, "visibility": visibility, "member_id": None}


ADMIN = who(None, "admin", "member", "reader")
MEMBER = who("blue", "member", "reader")
READER = who("blue", "reader")
STRANGER = who("red", "member", "reader")


@pytest.mark.parametrize(
    ("rule", "allowed"),
    [
        ("add_image", {"ADMIN", "MEMBER"}),
        ("get_image", {"ADMIN", "MEMBER", "READER"}),
        ("get_images", {"ADMIN", "MEMBER", "READER"}),
        ("modify_image", {"ADMIN", "MEMBER"}),
        ("delete_image", {"ADMIN", "MEMBER"}),
        ("upload_image", {"ADMIN", "MEMBER"}),
        ("download_image", {"ADMIN", "MEMBER"}),
        ("publicize_image", {"ADMIN"}),
        ("communitize_image", {"ADMIN", "MEMBER"}),
        ("copy_image", {"ADMIN", "MEMBER"}),
        ("tasks_api_access", {"ADMIN"}),
        ("stores_info_detail", {"ADMIN"}),
        ("context_is_admin", {"ADMIN"}),
        ("no_such_rule", set()),
    ],
)
def test_defaults(rule: str, allowed: set[str]) -> None:
    policy = Policy()
    callers = {"ADMIN": ADMIN, "MEMBER": MEMBER, "READER": READER, "STRANGER": STRANGER}
    assert {name for name, caller in callers.items() if policy.allows(rule, caller, image())} == allowed


def test_public_community_and_shared_images_may_be_read_by_strangers() -> None:
    policy = Policy()
    for visibility in ("public", "community", "shared"):
        assert policy.allows("get_image", STRANGER, image(visibility=visibility))
        assert not policy.allows("modify_image", STRANGER, image(visibility=visibility))


def test_who_has_no_project_does_not_own_the_images_without_an_owner() -> None:
    assert not Policy().allows("modify_image", who(None, "member"), image(owner=None))


def test_check_raises_and_names_the_rule() -> None:
    with pytest.raises(Forbidden, match="publicize_image"):
        Policy().check("publicize_image", MEMBER, image())


@pytest.mark.parametrize("policy", [Policy(), Policy(anonymous=True)])
def test_every_rule_says_the_same_as_oslo_policy_does(policy: Policy) -> None:
    enforcer = room._enforcer(None, (), {})
    for rule in (*RULES, *METADEF_RULES):
        enforcer.register_default(oslo.RuleDefault(rule.name, policy._default(rule)))
    for rule in (*RULES, *METADEF_RULES):
        for caller in (ADMIN, MEMBER, READER, STRANGER, who("blue", "service"), who("blue", "anonymous")):
            for target in (
                image(),
                image("red"),
                image(visibility="public"),
                {**image("red"), "member_id": "blue"},
            ):
                theirs = enforcer.enforce(rule.name, dict(target), _plain(caller))
                assert policy.allows(rule.name, caller, target) == bool(theirs), (rule.name, caller, target)


def _plain(caller: Caller) -> dict[str, object]:
    return {"user_id": caller.user_id, "project_id": caller.project_id, "roles": sorted(caller.roles)}


def test_rules_about_the_service_that_hands_a_request_on(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(
        "upload_image: service_roles:service\n"
        "get_image: service_user_id:nova and not service_roles:outsider\n"
        "delete_image: service_project_id:%(owner)s and user_domain_id:default\n"
    )
    policy = Policy(file)
    through = replace(
        READER,
        user_domain_id="default",
        service_user_id="nova",
        service_project_id="blue",
        service_roles=frozenset({"service"}),
    )
    for rule in ("upload_image", "get_image", "delete_image"):
        assert policy.allows(rule, through, image())
        # What the user may does not matter, nor a role of the user that is called like the service's.
        assert not policy.allows(rule, who("blue", "admin", "service"), image())
    assert not policy.allows("get_image", replace(through, service_roles=frozenset({"outsider"})), image())
    assert not policy.allows("delete_image", through, image(owner="red"))


def test_a_policy_file_changes_a_rule_and_a_directory_changes_it_again(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(
        '"publicize_image": "role:publisher"\n"delete_image": "!"\n"mine": "rule:publicize_image"\n'
    )
    directory = tmp_path / "policy.d"
    directory.mkdir()
    (directory / "10.yaml").write_text('"delete_image": "role:janitor or not role:member"\n')
    policy = Policy(file, [directory])
    assert policy.allows("publicize_image", who("red", "publisher"), image())
    assert not policy.allows("publicize_image", ADMIN, image())
    assert policy.allows("mine", who("red", "publisher"), image())
    assert policy.allows("delete_image", who("red", "janitor", "member"), image())
    assert policy.allows("delete_image", READER, image())
    assert not policy.allows("delete_image", MEMBER, image())
    assert policy.allows("modify_image", MEMBER, image())


def test_custom_checks_on_attributes_and_literals(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(
        '"copy_image": "\'public\':%(visibility)s"\n'
        '"modify_image": "user_id:someone"\n'
        '"get_image": "project_id:%(purpose)s"\n'
        '"delete_image": "\'blue-x\':%(owner)s-x"\n'
    )
    policy = Policy(file)
    assert policy.allows("copy_image", STRANGER, image(visibility="public"))
    assert not policy.allows("copy_image", STRANGER, image())
    assert policy.allows("modify_image", STRANGER, image())
    assert policy.allows("get_image", STRANGER, {"purpose": "red"})
    assert not policy.allows("get_image", STRANGER, {})
    assert policy.allows("delete_image", STRANGER, image())


@pytest.mark.parametrize(
    "text",
    [
        '"get_image": "role:a and (role:b"\n',
        '"get_image": "rule:nowhere"\n',
        '"a": "rule:b"\n"b": "rule:a"\n',
        "][",
        "- a",
        '"get_image": 7\n',
        '{"get_image": ',
        "\0",
    ],
)
def test_a_broken_file_is_refused_and_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(text)
    with pytest.raises(BrokenPolicy):
        Policy(file)


def test_an_edited_file_holds_without_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "RELOAD_SECONDS", 0.0)
    file = tmp_path / "policy.yaml"
    file.write_text('"publicize_image": "!"\n')
    policy = Policy(file)
    assert not policy.allows("publicize_image", ADMIN, image())
    file.write_text('"publicize_image": "@"\n')
    assert policy.allows("publicize_image", STRANGER, image())
    file.write_text('"publicize_image": "role:(\n')
    os.utime(file, (1, 1))
    assert policy.allows("publicize_image", STRANGER, image()), "a broken edit changes nothing"


def test_a_broken_edit_leaves_checks_that_oslo_policy_makes_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "RELOAD_SECONDS", 0.0)
    file = tmp_path / "policy.yaml"
    # Two keys in one: a form that is left to oslo.policy.
    file.write_text('"publicize_image": "\'blue-private\':%(owner)s-%(visibility)s"\n')
    policy = Policy(file)
    assert policy.allows("publicize_image", STRANGER, image())
    file.write_text("][")
    assert policy.allows("publicize_image", STRANGER, image())
    assert not policy.allows("publicize_image", STRANGER, image("red"))


def test_files_that_come_and_go_are_taken_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(room, "RELOAD_SECONDS", 0.0)
    configuration = tmp_path / "glance-api.conf"
    configuration.write_text("")
    policy = Policy.of(load([configuration], (), tmp_path / "data"))

    def publishers() -> set[str]:
        roles = ("admin", "json", "yaml", "d")
        return {role for role in roles if policy.allows("publicize_image", who("red", role), image())}

    def write(name: str, role: str) -> None:
        (tmp_path / name).write_text(f'{{"publicize_image": "role:{role}"}}')

    assert publishers() == {"admin"}
    write("policy.json", "json")
    assert publishers() == {"json"}
    write("policy.yaml", "yaml")
    assert publishers() == {"yaml"}
    (tmp_path / "policy.d" / "lost+found").mkdir(parents=True)
    write("policy.d/a.yaml", "d")
    assert publishers() == {"d"}
    (tmp_path / "policy.d" / "a.yaml").unlink()
    assert publishers() == {"yaml"}
    # As configuration management does it: another file under the same name, of the same size and time.
    status = (tmp_path / "policy.yaml").stat()
    write("policy.new", "json")
    os.utime(tmp_path / "policy.new", ns=(status.st_mtime_ns, status.st_mtime_ns))
    (tmp_path / "policy.new").rename(tmp_path / "policy.yaml")
    assert publishers() == {"json"}
    (tmp_path / "policy.yaml").unlink()
    (tmp_path / "policy.json").unlink()
    assert publishers() == {"admin"}
    assert f"{tmp_path}/policy.yaml is gone" in caplog.text


def test_nothing_is_read_from_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.d").mkdir()
    for name in ("policy.yaml", "policy.d/a.yaml"):
        (tmp_path / name).write_text('"publicize_image": "@"\n')
    assert not Policy.of(load((), (), tmp_path / "data")).allows("publicize_image", STRANGER, image())


def test_the_old_defaults_allow_the_owner_whatever_the_role_and_nobody_else() -> None:
    policy = Policy(new_defaults=False)
    assert policy.allows("modify_image", who("blue"), image())
    assert not policy.allows("modify_image", who("red"), image())
    assert policy.allows("get_images", who("red"), {})
    assert not policy.allows("publicize_image", who("blue"), image())


def test_with_the_old_defaults_nobody_acts_for_another_project(tmp_path: Path) -> None:
    policy = Policy(new_defaults=False)
    assert policy.allows("add_image", who("blue"), image())
    assert not policy.allows("add_image", who("red"), image())
    assert not policy.allows("add_image", who(None), image(owner=None))
    of_red = {**image(visibility="shared"), "member_id": "red"}
    assert policy.allows("modify_member", who("red"), of_red)
    assert not policy.allows("modify_member", who("blue"), of_red)
    assert policy.allows("modify_member", ADMIN, of_red)
    file = tmp_path / "policy.yaml"
    file.write_text('"modify_image": "@"\n')
    assert not Policy(file, new_defaults=False).allows("modify_image", STRANGER, image())
    assert Policy(file).allows("modify_image", STRANGER, image())


def test_the_old_defaults_are_what_an_operator_makes_of_default(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text('"default": "role:staff"\n"get_images": "!"\n')
    policy = Policy(file, new_defaults=False)
    assert policy.allows("modify_image", who("blue", "staff"), image())
    assert not policy.allows("modify_image", who("blue"), image())
    assert not policy.allows("get_images", who("blue", "staff"), {})


def test_who_is_anonymous_may_read_what_is_public_where_the_operator_allows_it(tmp_path: Path) -> None:
    def may(policy: Policy, visibility: str = "public") -> list[str]:
        target = image(visibility=visibility)
        return [rule.name for rule in RULES if policy.allows(rule.name, ANYBODY, target)]

    tasks = ["default", "get_task", "get_tasks", "add_task", "modify_task"]
    closed, open_ = Policy(), Policy(anonymous=True)
    assert set(may(closed)) == {*tasks, "get_image"}
    assert set(may(open_)) == {*tasks, "get_image", "get_images", "download_image"}
    assert set(may(open_, "community")) == {*tasks, "get_image", "get_images"}
    file = tmp_path / "policy.yaml"
    file.write_text('"get_images": "role:reader and project_id:%(project_id)s"\n')
    assert "get_images" not in may(Policy(file, anonymous=True))


@pytest.mark.parametrize(
    ("files", "option", "publisher"),
    [
        ({"policy.yaml": "yaml"}, "", "yaml"),
        ({"policy.json": "json"}, "", "json"),
        ({"policy.json": "json"}, "policy_file = policy.json", "json"),
        ({"policy.json": "json", "policy.yaml": "yaml"}, "", "yaml"),
        ({"policy.yaml": "yaml", "policy.d/b.yaml": "b", "policy.d/a.json": "a"}, "", "b"),
        ({"policy.yaml": "yaml", "policy.d/.b.yaml": "b", "policy.d/a.json": "a"}, "", "a"),
        ({"policy.yaml": "yaml", "more/x.yaml": "x"}, "policy_dirs = more", "x"),
        ({"policy.yaml": "yaml"}, "policy_file = other.yaml", "admin"),
        ({}, "", "admin"),
    ],
)
def test_where_rules_are_looked_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, files: Mapping[str, str], option: str, publisher: str
) -> None:
    for name, role in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f'{{"publicize_image": "role:{role}"}}')
    configuration = tmp_path / "glance-api.conf"
    configuration.write_text(f"[oslo_policy]\n{option}\n")
    policy = Policy.of(load([configuration], (), tmp_path / "data"))
    allowed = {
        role
        for role in ("admin", "yaml", "json", "a", "b", "x")
        if policy.allows("publicize_image", who("red", role), image())
    }
    assert allowed == {publisher}
    assert ("there is no such file" in caplog.text) == ("other.yaml" in option)
