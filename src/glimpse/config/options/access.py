"""Who may do what: the kind of authentication, policies, limits."""

from typing import Annotated

from glimpse.config.declare import MULTI, SECRET, Alias, Choices, Range, Section


class PasteDeploy(Section):
    """The kind of authentication, named as in Glance's pipelines."""

    flavor: Annotated[
        str | None,
        "How callers are authenticated: keystone by Keystone's tokens, http_basic by name and password, nothing "
        "not at all; +caching and +cachemanagement may follow.",
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
        str,
        "Rule of the policy files that stands in for those that others refer to and that do not exist.",
        Alias("DEFAULT", "policy_default_rule"),
    ] = "default"
    enforce_new_defaults: Annotated[
        bool, "Whether the defaults with project roles (reader, member) hold."
    ] = True
    enforce_scope: Annotated[bool, "Whether tokens that are not of a project are refused."] = True
    remote_content_type: Annotated[
        str,
        "How rules like http://… and https://… tell a server what they ask about.",
        Choices("application/x-www-form-urlencoded", "application/json"),
    ] = "application/x-www-form-urlencoded"
    remote_timeout: Annotated[float, "Seconds to wait for its answer.", Range(0)] = 60.0
    remote_ssl_verify_server_crt: Annotated[bool, "Whether its certificate must be valid."] = False
    remote_ssl_ca_crt_file: Annotated[
        str | None, "File of the authorities that may certify it; nothing: the system's."
    ] = None
    remote_ssl_client_crt_file: Annotated[str | None, "File of the certificate that it is shown."] = None
    remote_ssl_client_key_file: Annotated[str | None, "File of that certificate's key."] = None


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
    auth_section: Annotated[str | None, "Another section that says how this service authenticates."] = None
    region_name: Annotated[str | None, "Region of the identity service."] = None
    interface: Annotated[str, "Which of its endpoints this service uses."] = "internal"
    cafile: Annotated[str | None, "File of the authorities that may certify it; nothing: the system's."] = (
        None
    )
    insecure: Annotated[bool, "Whether its certificate is not looked at."] = False
    http_connect_timeout: Annotated[
        int | None, "Seconds to wait for an answer of it; 10 where nothing is said.", Range(1)
    ] = None
    http_request_max_retries: Annotated[int, "How often a connection to it is tried again.", Range(0)] = 3
    memcached_servers: Annotated[
        tuple[str, ...],
        "Where validated tokens are remembered; nothing: in each process.",
        Alias("keystone_authtoken", "memcache_servers"),
    ] = ()
    memcache_security_strategy: Annotated[
        str, "Whether they are signed (MAC) or encrypted (ENCRYPT) there."
    ] = "None"
    memcache_secret_key: Annotated[str | None, "Key for that.", SECRET] = None
    token_cache_time: Annotated[
        int, "Seconds for which a validated token is not asked about again; -1: always asked.", Range(-1)
    ] = 300
    include_service_catalog: Annotated[
        bool, "Whether the services that a token leads to are asked for; glance-download needs them."
    ] = True
    service_token_roles: Annotated[tuple[str, ...], "Roles of which a service token needs one."] = (
        "service",
    )
    service_token_roles_required: Annotated[bool, "Whether it is refused without."] = True
    service_type: Annotated[str, "Type of this service in access rules of application credentials."] = "image"


class OsloLimit(Section):
    """The service's own account in Keystone, for looking up unified limits, and to which endpoint these belong;
    oslo.limit and keystoneauth read more here.
    """

    owner = "oslo.limit"

    auth_type: Annotated[
        str | None, "How this service authenticates.", Alias("oslo_limit", "auth_plugin")
    ] = None
    auth_section: Annotated[str | None, "Another section that says how this service authenticates."] = None
    auth_url: Annotated[str | None, "Keystone's URL."] = None
    username: Annotated[str | None, "User that this service is."] = None
    password: Annotated[str | None, "Its password.", SECRET] = None
    user_domain_name: Annotated[str | None, "Domain of the user."] = None
    system_scope: Annotated[
        str | None, "The word all where the user acts for the whole system, as a reader."
    ] = None
    project_name: Annotated[str | None, "Its project, where it does not."] = None
    project_domain_name: Annotated[str | None, "Domain of the project."] = None
    region_name: Annotated[str | None, "Region of the identity service."] = None
    valid_interfaces: Annotated[tuple[str, ...], "Which of its endpoints this service uses."] = ()
    cafile: Annotated[str | None, "File of the authorities that may certify it; nothing: the system's."] = (
        None
    )
    insecure: Annotated[bool, "Whether its certificate is not looked at."] = False
    timeout: Annotated[
        int | None, "Seconds to wait for an answer of it; 10 where nothing is said.", Range(1)
    ] = None

    endpoint_id: Annotated[str | None, "This service's endpoint in Keystone, to which limits belong."] = None
    endpoint_region_name: Annotated[str | None, "Its region, to look the endpoint up."] = None
    endpoint_service_name: Annotated[str | None, "Its service's name, to look the endpoint up."] = None
    endpoint_service_type: Annotated[str | None, "Its service's type, to look the endpoint up."] = None
    endpoint_interface: Annotated[str, "Its interface, to look the endpoint up."] = "public"
