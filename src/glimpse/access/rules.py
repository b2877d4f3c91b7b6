"""The policy rules of the image operations and what they say unless the operator says otherwise.

The names are those of the Image API's policy files, so an operator's ``policy.yaml`` applies unchanged.
``legacy`` is what a rule additionally allows with ``[oslo_policy] enforce_new_defaults = False``.
"""

from typing import NamedTuple

ADMIN = "rule:context_is_admin"
MEMBER = "role:member and project_id:%(project_id)s"
READER = "role:reader and project_id:%(project_id)s"
OWNER_TO_BE = f"({MEMBER} and project_id:%(owner)s)"
VISIBLE = (
    "(project_id:%(project_id)s or project_id:%(member_id)s or "
    "'community':%(visibility)s or 'public':%(visibility)s or 'shared':%(visibility)s)"
)
ADMIN_OR_MEMBER = f"{ADMIN} or ({MEMBER})"
ADMIN_OR_READER = f"{ADMIN} or ({READER})"
SHARING_READER = f"{ADMIN} or (role:reader and (project_id:%(project_id)s or project_id:%(member_id)s))"
OLD = "rule:default"


class Rule(NamedTuple):
    """A rule's name, its check string, and its former one where it had one."""

    name: str
    check: str
    legacy: str | None = None


RULES: tuple[Rule, ...] = (
    Rule("default", ""),
    Rule("context_is_admin", "role:admin"),
    Rule("service_api", "role:service or role:admin"),
    Rule("add_image", f"{ADMIN} or {OWNER_TO_BE}", OLD),
    Rule("get_image", f"{ADMIN} or (role:reader and {VISIBLE})", OLD),
    Rule("get_images", ADMIN_OR_READER, OLD),
    Rule("modify_image", ADMIN_OR_MEMBER, OLD),
    Rule("delete_image", ADMIN_OR_MEMBER, OLD),
    Rule("upload_image", ADMIN_OR_MEMBER, OLD),
    Rule("set_image_location", ADMIN_OR_MEMBER, OLD),
    Rule("deactivate", ADMIN_OR_MEMBER, OLD),
    Rule("reactivate", ADMIN_OR_MEMBER, OLD),
    Rule("add_member", ADMIN_OR_MEMBER, OLD),
    Rule("delete_member", ADMIN_OR_MEMBER, OLD),
    Rule("communitize_image", ADMIN_OR_MEMBER, OLD),
    Rule("publicize_image", ADMIN),
    Rule("delete_image_location", ADMIN, OLD),
    # The administrator's guide gives copying between stores to the owner as well.
    Rule("copy_image", ADMIN_OR_MEMBER),
    Rule("manage_image_cache", ADMIN),
    Rule("list_cached_nodes", ADMIN),
    Rule("download_image", f"{ADMIN} or (role:member and {VISIBLE})", OLD),
    Rule("download_from_store", f"{ADMIN} or (role:member and {VISIBLE})"),
    Rule("get_image_location", ADMIN_OR_READER, OLD),
    Rule("add_image_location", f"rule:service_api or {OWNER_TO_BE}"),
    Rule("fetch_image_location", "rule:service_api"),
    Rule("get_member", SHARING_READER, OLD),
    Rule("get_members", SHARING_READER, OLD),
    Rule("modify_member", f"{ADMIN} or (role:member and project_id:%(member_id)s)", OLD),
    Rule("get_task", OLD),
    Rule("get_tasks", OLD),
    Rule("add_task", OLD),
    Rule("modify_task", OLD),
    Rule("tasks_api_access", ADMIN),
    Rule("cache_image", ADMIN, "rule:manage_image_cache"),
    Rule("cache_list", ADMIN, "rule:manage_image_cache"),
    Rule("cache_delete", ADMIN, "rule:manage_image_cache"),
    Rule("cache_clean", ADMIN),
    Rule("cache_prune", ADMIN),
    Rule("stores_info_detail", f"{ADMIN} or rule:service_api", ADMIN),
)

# With the old defaults these ask for the image's owner as well, whatever the rule says.
OWNERS_ONLY = frozenset({
    "modify_image", "delete_image", "upload_image", "set_image_location", "delete_image_location",
    "deactivate", "reactivate", "add_member", "delete_member", "communitize_image", "publicize_image",
})  # fmt: skip
