"""The policy rules of the image operations and what they say unless the operator says otherwise.

The names are those of the Image API's policy files, so an operator's ``policy.yaml`` applies unchanged.
``legacy`` is what a rule additionally allows with ``[oslo_policy] enforce_new_defaults = False``, ``anonymous`` what it
does with ``allow_anonymous_access``.
"""

from collections.abc import Mapping
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
OLD_METADEF = "rule:metadef_default"
METADEF_READER = f"{ADMIN} or (role:reader and (project_id:%(project_id)s or 'public':%(visibility)s))"
METADEF_WRITER = "rule:metadef_admin"


class Rule(NamedTuple):
    """A rule's name, its check string, what asks it, and what else it allows in certain configurations."""

    name: str
    check: str
    about: str
    legacy: str | None = None
    anonymous: str | None = None


RULES: tuple[Rule, ...] = (
    Rule("default", "", "What other rules may refer to; the old defaults are this."),
    Rule("context_is_admin", "role:admin", "Who is an administrator."),
    Rule("service_api", "role:service or role:admin", "What other services of the cloud ask for."),
    Rule("add_image", f"{ADMIN} or {OWNER_TO_BE}", "POST /v2/images, POST /v2/tasks", OLD),
    Rule(
        "get_image",
        f"{ADMIN} or (role:reader and {VISIBLE})",
        "Everything about one image; who may not is told that there is none. Lists leave the image out.",
        OLD,
    ),
    Rule("get_images", ADMIN_OR_READER, "GET /v2/images", OLD, "role:anonymous"),
    Rule(
        "modify_image",
        ADMIN_OR_MEMBER,
        "PATCH /v2/images/{id}, PUT …/stage, POST …/import, PUT and DELETE …/tags/{tag}",
        OLD,
    ),
    Rule("delete_image", ADMIN_OR_MEMBER, "DELETE /v2/images/{id}", OLD),
    Rule("upload_image", ADMIN_OR_MEMBER, "PUT /v2/images/{id}/file; not asked by imports", OLD),
    Rule("set_image_location", ADMIN_OR_MEMBER, "PATCH that adds or replaces locations", OLD),
    Rule("deactivate", ADMIN_OR_MEMBER, "POST /v2/images/{id}/actions/deactivate", OLD),
    Rule("reactivate", ADMIN_OR_MEMBER, "POST /v2/images/{id}/actions/reactivate", OLD),
    Rule("add_member", ADMIN_OR_MEMBER, "POST /v2/images/{id}/members", OLD),
    Rule("delete_member", ADMIN_OR_MEMBER, "DELETE /v2/images/{id}/members/{project}", OLD),
    Rule("communitize_image", ADMIN_OR_MEMBER, "Making an image with visibility community, or into one", OLD),
    Rule("publicize_image", ADMIN, "Making an image with visibility public, or into one"),
    Rule(
        "delete_image_location",
        ADMIN,
        "PATCH that removes a location, DELETE /v2/stores/{store}/{id}",
        OLD,
    ),
    # The administrator's guide gives copying between stores to the owner as well.
    Rule("copy_image", ADMIN_OR_MEMBER, "POST /v2/images/{id}/import by copy-image"),
    Rule("manage_image_cache", ADMIN, "Other rules may refer to it."),
    Rule("list_cached_nodes", ADMIN, "Asked by nothing: no operation is about a cache."),
    Rule(
        "download_image",
        f"{ADMIN} or (role:member and {VISIBLE})",
        "GET /v2/images/{id}/file",
        OLD,
        "(role:anonymous and 'public':%(visibility)s)",
    ),
    Rule(
        "download_from_store",
        f"{ADMIN} or (role:member and {VISIBLE})",
        "GET /v2/images/{id}/file?prefer={store}, beside download_image",
    ),
    Rule(
        "get_image_location",
        ADMIN_OR_READER,
        "DELETE /v2/stores/{store}/{id}, beside delete_image_location",
        OLD,
    ),
    Rule("add_image_location", f"rule:service_api or {OWNER_TO_BE}", "POST /v2/images/{id}/locations"),
    Rule("fetch_image_location", "rule:service_api", "GET /v2/images/{id}/locations"),
    Rule("get_member", SHARING_READER, "GET /v2/images/{id}/members/{project}", OLD),
    Rule("get_members", SHARING_READER, "GET /v2/images/{id}/members", OLD),
    Rule(
        "modify_member",
        f"{ADMIN} or (role:member and project_id:%(member_id)s)",
        "PUT /v2/images/{id}/members/{project}",
        OLD,
    ),
    Rule("get_task", OLD, "GET /v2/tasks/{id}, beside tasks_api_access"),
    Rule("get_tasks", OLD, "GET /v2/tasks, beside tasks_api_access"),
    Rule("add_task", OLD, "POST /v2/tasks, beside tasks_api_access; not asked by imports"),
    Rule("modify_task", OLD, "Asked by nothing: no operation changes a task, and imports do not ask."),
    Rule("tasks_api_access", ADMIN, "Everything below /v2/tasks"),
    Rule("cache_image", ADMIN, "Asked by nothing: no operation is about a cache.", "rule:manage_image_cache"),
    Rule("cache_list", ADMIN, "Asked by nothing: no operation is about a cache.", "rule:manage_image_cache"),
    Rule(
        "cache_delete", ADMIN, "Asked by nothing: no operation is about a cache.", "rule:manage_image_cache"
    ),
    Rule("cache_clean", ADMIN, "Asked by nothing: no operation is about a cache."),
    Rule("cache_prune", ADMIN, "Asked by nothing: no operation is about a cache."),
    Rule("stores_info_detail", f"{ADMIN} or rule:service_api", "GET /v2/info/stores/detail", ADMIN),
)

# There is no catalogue of metadata definitions here. Operators' files mention its rules, and refer to them.
METADEF_RULES: tuple[Rule, ...] = tuple(
    Rule(name, check, "Asked by nothing: for policy files that refer to it.", legacy)
    for check, legacy, names in (
        ("", None, "metadef_default"),
        (ADMIN, None, "metadef_admin"),
        (ADMIN_OR_READER, OLD_METADEF, "get_metadef_namespaces"),
        (
            METADEF_READER,
            OLD_METADEF,
            "get_metadef_namespace get_metadef_object get_metadef_objects get_metadef_property "
            "get_metadef_properties get_metadef_tag get_metadef_tags get_metadef_resource_type "
            "list_metadef_resource_types",
        ),
        (
            METADEF_WRITER,
            None,
            "add_metadef_namespace modify_metadef_namespace delete_metadef_namespace add_metadef_object "
            "modify_metadef_object delete_metadef_object add_metadef_property modify_metadef_property "
            "remove_metadef_property add_metadef_tag add_metadef_tags modify_metadef_tag delete_metadef_tag "
            "delete_metadef_tags add_metadef_resource_type_association "
            "remove_metadef_resource_type_association",
        ),
    )
    for name in names.split()
)

# With the old defaults these are for one project beside administrators, whatever the rule says: the owner's, or the
# one that is the member.
OF_ONE_PROJECT: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "add_image", "modify_image", "delete_image", "upload_image", "set_image_location",
            "delete_image_location", "deactivate", "reactivate", "add_member", "delete_member",
            "communitize_image", "publicize_image",
        ),
        "owner",
    ),
    "modify_member": "member_id",
}  # fmt: skip
