"""Where the certificates are with which images are signed. castellan reads these sections, and more in them."""

from typing import Annotated

from glimpse.config.declare import SECRET, Alias, Choices, Range, Section


class KeyManager(Section):
    """The key manager that has the certificates of signed images."""

    owner = "castellan"

    backend: Annotated[
        str,
        "Which one: barbican, vault, another driver of castellan, or directory, for files in [glimpse] "
        "certificate_directory.",
        Alias("key_manager", "api_class"),
    ] = "barbican"


class Barbican(Section):
    """How Barbican is asked, in the name of whoever uploads an image."""

    owner = "castellan"

    auth_endpoint: Annotated[
        str | None,
        "Keystone's URL; nothing: that of [keystone_authtoken].",
        Alias("key_manager", "auth_url"),
    ] = None
    barbican_endpoint: Annotated[str | None, "Barbican's URL; nothing: as Keystone's catalogue says."] = None
    barbican_endpoint_type: Annotated[
        str, "Which of its endpoints in the catalogue is used.", Choices("public", "internal", "admin")
    ] = "public"
    barbican_region_name: Annotated[str | None, "Region of that endpoint."] = None
    verify_ssl: Annotated[bool, "Whether certificates of Barbican and Keystone are looked at."] = True
    verify_ssl_path: Annotated[
        str | None, "File of the authorities that may certify them; nothing: the system's."
    ] = None


class Vault(Section):
    """How Vault is asked, in the name of this service."""

    owner = "castellan"

    vault_url: Annotated[str, "Vault's URL."] = "http://127.0.0.1:8200"
    root_token_id: Annotated[str | None, "Token of this service.", SECRET] = None
    auth_method: Annotated[
        str, "How this service authenticates without one.", Choices("approle", "jwt", "kubernetes")
    ] = "approle"
    approle_role_id: Annotated[str | None, "With approle: the role.", SECRET] = None
    approle_secret_id: Annotated[str | None, "With approle: its secret.", SECRET] = None
    kv_mountpoint: Annotated[str, "Where the key-value store is mounted."] = "secret"
    kv_path: Annotated[str | None, "Path within it."] = None
    kv_version: Annotated[int, "Version of the store.", Range(1, 2)] = 2
    ssl_ca_crt_file: Annotated[str | None, "File of the authorities that may certify Vault."] = None
    namespace: Annotated[str | None, "Namespace, in Vault Enterprise."] = None
    timeout: Annotated[float, "Seconds to wait for an answer of Vault.", Range(0.01)] = 60.0
