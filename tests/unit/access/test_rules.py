"""The rules and their defaults, as operators know them; and the sample that shows them."""

from pathlib import Path

import pytest
from oslo_policy import policy as oslo

from glimpse.access import sample
from glimpse.access.policy import Policy
from glimpse.access.rules import METADEF_RULES, RULES, Rule

PAGE = Path(__file__).parents[3] / "docs" / "policy.yaml.sample"

# A name, what it asks, and what it also allows with the old defaults. The words are spelled out here once more.
WORDS = {
    "A": "rule:context_is_admin",
    "M": "(role:member and project_id:%(project_id)s)",
    "R": "(role:reader and project_id:%(project_id)s)",
    "O": "(role:member and project_id:%(project_id)s and project_id:%(owner)s)",
    "V": "(project_id:%(project_id)s or project_id:%(member_id)s or 'community':%(visibility)s or "
    "'public':%(visibility)s or 'shared':%(visibility)s)",
    "P": "(project_id:%(project_id)s or project_id:%(member_id)s)",
    "N": "(project_id:%(project_id)s or 'public':%(visibility)s)",
}
TABLE = """
default                  | @                                                        | -
context_is_admin         | role:admin                                               | -
service_api              | role:service or role:admin                               | -
add_image                | A or O                                                   | rule:default
get_image                | A or (role:reader and V)                                 | rule:default
get_images               | A or R                                                   | rule:default
modify_image             | A or M                                                   | rule:default
delete_image             | A or M                                                   | rule:default
upload_image             | A or M                                                   | rule:default
set_image_location       | A or M                                                   | rule:default
deactivate               | A or M                                                   | rule:default
reactivate               | A or M                                                   | rule:default
add_member               | A or M                                                   | rule:default
delete_member            | A or M                                                   | rule:default
communitize_image        | A or M                                                   | rule:default
publicize_image          | A                                                        | -
delete_image_location    | A                                                        | rule:default
copy_image               | A or M                                                   | -
manage_image_cache       | A                                                        | -
list_cached_nodes        | A                                                        | -
download_image           | A or (role:member and V)                                 | rule:default
download_from_store      | A or (role:member and V)                                 | -
get_image_location       | A or R                                                   | rule:default
add_image_location       | rule:service_api or O                                    | -
fetch_image_location     | rule:service_api                                         | -
get_member               | A or (role:reader and P)                                 | rule:default
get_members              | A or (role:reader and P)                                 | rule:default
modify_member            | A or (role:member and project_id:%(member_id)s)          | rule:default
get_task                 | rule:default                                             | -
get_tasks                | rule:default                                             | -
add_task                 | rule:default                                             | -
modify_task              | rule:default                                             | -
tasks_api_access         | A                                                        | -
cache_image              | A                                                        | rule:manage_image_cache
cache_list               | A                                                        | rule:manage_image_cache
cache_delete             | A                                                        | rule:manage_image_cache
cache_clean              | A                                                        | -
cache_prune              | A                                                        | -
stores_info_detail       | A or rule:service_api                                    | rule:context_is_admin
metadef_default          | @                                                        | -
metadef_admin            | A                                                        | -
get_metadef_namespaces   | A or R                                                   | rule:metadef_default
get_metadef_namespace    | A or (role:reader and N)                                 | rule:metadef_default
get_metadef_object       | A or (role:reader and N)                                 | rule:metadef_default
get_metadef_objects      | A or (role:reader and N)                                 | rule:metadef_default
get_metadef_property     | A or (role:reader and N)                                 | rule:metadef_default
get_metadef_properties   | A or (role:reader and N)                                 | rule:metadef_default
get_metadef_tag          | A or (role:reader and N)                                 | rule:metadef_default
get_metadef_tags         | A or (role:reader and N)                                 | rule:metadef_default
get_metadef_resource_type    | A or (role:reader and N)                             | rule:metadef_default
list_metadef_resource_types  | A or (role:reader and N)                             | rule:metadef_default
add_metadef_namespace    | rule:metadef_admin                                       | -
modify_metadef_namespace | rule:metadef_admin                                       | -
delete_metadef_namespace | rule:metadef_admin                                       | -
add_metadef_object       | rule:metadef_admin                                       | -
modify_metadef_object    | rule:metadef_admin                                       | -
delete_metadef_object    | rule:metadef_admin                                       | -
add_metadef_property     | rule:metadef_admin                                       | -
modify_metadef_property  | rule:metadef_admin                                       | -
remove_metadef_property  | rule:metadef_admin                                       | -
add_metadef_tag          | rule:metadef_admin                                       | -
add_metadef_tags         | rule:metadef_admin                                       | -
modify_metadef_tag       | rule:metadef_admin                                       | -
delete_metadef_tag       | rule:metadef_admin                                       | -
delete_metadef_tags      | rule:metadef_admin                                       | -
add_metadef_resource_type_association    | rule:metadef_admin                       | -
remove_metadef_resource_type_association | rule:metadef_admin                       | -
"""
ROWS = {
    name: (check, None if old == "-" else old)
    for name, check, old in (
        (part.strip() for part in line.split("|")) for line in TABLE.strip().splitlines()
    )
}


def tree(check: str) -> str:
    """A check as oslo.policy understands it, so that spaces and parentheses do not matter."""
    return str(oslo.RuleDefault("x", check).check)


def spelled(check: str) -> str:
    return " ".join(
        part
        if len(part.strip("()")) != 1 or part == "@"
        else part.replace(part.strip("()"), WORDS[part.strip("()")])
        for part in check.split()
    )


def test_there_are_these_rules_and_no_others() -> None:
    assert [rule.name for rule in (*RULES, *METADEF_RULES)] == list(ROWS)
    assert all(name in Policy() for name in ROWS)


@pytest.mark.parametrize("rule", [*RULES, *METADEF_RULES], ids=lambda rule: rule.name)
def test_defaults_and_old_defaults(rule: Rule) -> None:
    check, old = ROWS[rule.name]
    assert tree(rule.check) == tree(spelled(check))
    assert rule.legacy == old


def test_the_sample_is_what_the_rules_make_it() -> None:
    assert PAGE.read_text() == sample.sample(), (
        "run: python -m glimpse.access.sample > docs/policy.yaml.sample"
    )


def test_the_sample_changes_nothing_and_nothing_changes_without_its_comments(tmp_path: Path) -> None:
    text = sample.sample()
    file = tmp_path / "policy.yaml"
    file.write_text(text)
    assert oslo.parse_file_contents(text) == {}
    Policy(file)
    lines = [line[1:] for line in text.splitlines() if line.startswith('#"')]
    said = oslo.parse_file_contents("\n".join(lines))
    assert said == {rule.name: rule.check for rule in (*RULES, *METADEF_RULES)}
    file.write_text("\n".join(lines))
    Policy(file)
