"""Who may do what: the kind of authentication, policies, limits."""

from typing import Annotated

from glimpse.config.declare import MULTI, SECRET, Alias, Section


class PasteDeploy(Section):
    """The kind of authentication, named as in Glance's pipelines."""

    flavor: Annotated[
        str | None, "How callers are authenticated: nothing for not at all, keystone for Keystone's tokens."
    ] = None
    config_file: Annotated[str | None, "Accepted for old files; there is no paste file."] = None


class OsloPolicy(Section):
    """Where policies come from."""

    owner = "oslo.policy"

    policy_file: Annotated[
        str, "File of policies that differ from the defaults.", Alias("DEFAULT", "policy_file")
    ] = "policy.yaml"
    policy_dirs: Annotated[
        tuple[str, ...], "Directories of more such files.", MULTI, Alias("DEFAULT", "policy_dirs")
    ] = ("policy.d",)
    policy_default_rule: Annotated[
        str, "Rule that stands in for one that does not exist.", Alias("DEFAULT", "policy_default_rule")
    ] = "default"
    enforce_new_defaults: Annotated[
        bool, "Whether the defaults with project roles (reader, member) hold."
    ] = True
    enforce_scope: Annotated[bool, "Whether tokens that are not of a project are refused."] = True


class KeystoneAuthtoken(Section):
    """The service's own account in Keystone, for validating tokens; keystonemiddleware reads more here."""

    owner = "keystonemiddleware"

    www_authenticate_uri: Annotated[
        str | None, "Keystone's URL for clients.", Alias("keystone_authtoken", "auth_uri")
    ] = None
    auth_url: Annotated[str | None, "Keystone's URL for this service."] = None
    auth_type: Annotated[
        str | None, "How this service authenticates.", Alias("keystone_authtoken", "auth_plugin")
    ] = None
    username: Annotated[str | None, "User that this service is."] = None
    password: Annotated[str | None, "Its password.", SECRET] = None
    project_name: Annotated[str | None, "Its project."] = None
    user_domain_name: Annotated[str | None, "Domain of the user."] = None
    project_domain_name: Annotated[str | None, "Domain of the project."] = None
    region_name: Annotated[str | None, "Region of the identity service."] = None
    memcached_servers: Annotated[
        tuple[str, ...],
        "Where validated tokens are remembered.",
        Alias("keystone_authtoken", "memcache_servers"),
    ] = ()
    service_token_roles: Annotated[tuple[str, ...], "Roles of which a service token needs one."] = (
        "service",
    )
    service_token_roles_required: Annotated[bool, "Whether it is refused without."] = True
    service_type: Annotated[str | None, "Type of this service in access rules."] = None


class OsloLimit(Section):
    """Unified limits; oslo.limit and keystoneauth read more options here."""

    owner = "oslo.limit"

    endpoint_id: Annotated[str | None, "This service's endpoint in Keystone, to which limits belong."] = None
    endpoint_region_name: Annotated[str | None, "Its region, to look the endpoint up."] = None
    endpoint_service_name: Annotated[str | None, "Its service's name, to look the endpoint up."] = None
    endpoint_service_type: Annotated[str | None, "Its service's type, to look the endpoint up."] = None
    endpoint_interface: Annotated[str, "Its interface, to look the endpoint up."] = "public"
