"""``[DEFAULT]``: what the service as a whole is and allows."""

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated

from glimpse.config.declare import (
    BYTES,
    OWNED,
    SECRET,
    UNIQUE,
    UNUSED,
    Alias,
    Choices,
    Form,
    Range,
    Section,
    Shown,
)

Url = Annotated[str | None, Form(r"https?://[^\s/]+\S*", "a URL that begins with http:// or https://")]

METHODS = ("glance-direct", "web-download", "copy-image", "glance-download")


class Default(Section):
    """The service as a whole: where it listens, what it allows, where it keeps things, what it logs."""

    # Where it is.
    bind_host: Annotated[str, "Address to listen on.", Form(r"\S+", "an address or a host name")] = (
        "127.0.0.1"
    )
    bind_port: Annotated[int, "Port to listen on.", Range(1, 65535)] = 9292
    workers: Annotated[int, "Processes that answer HTTP; 0 counts as 1.", Range(0)] = 1
    cert_file: Annotated[
        str | None,
        "PEM file of the service's certificate, followed by those that lead to its authority: speaks TLS then.",
        Alias("ssl", "cert_file"),
    ] = None
    key_file: Annotated[str | None, "PEM file of its private key.", Alias("ssl", "key_file")] = None
    ca_file: Annotated[
        str | None,
        "PEM file of authorities: who comes without a certificate of one of them is turned away.",
        Alias("ssl", "ca_file"),
    ] = None
    tls_minimum_version: Annotated[str, "Oldest version of TLS that is spoken.", Choices("1.2", "1.3")] = (
        "1.2"
    )
    public_endpoint: Annotated[
        Url, "Base URL by which clients reach the service, for the versions document."
    ] = None
    worker_self_reference_url: Annotated[
        Url, "URL by which other hosts of this service reach this one; names the host that holds staged data."
    ] = None

    # Requests.
    allow_anonymous_access: Annotated[bool, "Whether those without a token may read public images."] = False
    max_request_id_length: Annotated[
        int, "Longest request id that is taken over from a client.", Range(0)
    ] = 64
    max_header_line: Annotated[
        int, "Most bytes that a header of a request may hold.", Range(1024, 131072)
    ] = 16384
    client_socket_timeout: Annotated[
        int,
        "Seconds after which a client is given up that neither sends the rest of its image nor takes what it is "
        "sent; 0: never.",
        Range(0),
    ] = 300
    limit_param_default: Annotated[int, "Images on a page where the client does not say.", Range(1)] = 25
    api_limit_max: Annotated[int, "Most images on a page.", Range(1)] = 1000
    show_image_direct_url: Annotated[bool, "Whether image records tell where the data is (direct_url)."] = (
        False
    )
    show_multiple_locations: Annotated[bool, "Whether locations are shown and may be changed."] = False

    # Images.
    hashing_algorithm: Annotated[str, "Algorithm of os_hash_value, by its name in Python's hashlib."] = (
        "sha512"
    )
    do_secure_hash: Annotated[
        bool, "Whether data that is only registered by its location is hashed as well."
    ] = True
    http_retries: Annotated[int, "How often that hashing is tried again.", Range(0)] = 3
    image_size_cap: Annotated[int, "Most bytes an image may have.", BYTES, Range(1)] = 1 << 40
    image_member_quota: Annotated[int, "Most members of an image; negative: no limit."] = 128
    image_property_quota: Annotated[int, "Most additional properties of an image; negative: no limit."] = 128
    image_tag_quota: Annotated[int, "Most tags of an image; negative: no limit."] = 128
    image_location_quota: Annotated[int, "Most locations of an image; negative: no limit."] = 10
    user_storage_quota: Annotated[
        int, "Most bytes that one project's images may take; 0: no limit.", BYTES
    ] = 0
    use_keystone_limits: Annotated[bool, "Whether limits are asked of Keystone (unified limits)."] = False
    property_protection_file: Annotated[
        str | None, "File that says who may do what with which property; looked for beside the configuration."
    ] = None
    property_protection_rule_format: Annotated[
        str, "Whether that file names roles or policy rules.", Choices("roles", "policies")
    ] = "roles"

    # Imports and stores.
    enable_image_import: Annotated[
        bool, "Whether images can be imported; false takes the import calls and version 2.6 and later away."
    ] = True
    enabled_import_methods: Annotated[
        tuple[str, ...], "Ways of importing that are offered.", Choices(*METHODS)
    ] = (
        "glance-direct",
        "web-download",
        "copy-image",
    )
    enabled_backends: Annotated[
        Mapping[str, str],
        "The stores, as id:type pairs; each has a section of its own, named by its id.",
        UNIQUE,
    ] = field(default_factory=dict)
    node_staging_uri: Annotated[
        str | None,
        "Directory, as file:///path, where uploads wait for their import, where enabled_backends is not set.",
        Shown("file://<data>/staging"),
    ] = None

    # Messages.
    default_publisher_id: Annotated[str, "Whom notifications name as their sender.", UNUSED] = (
        "image.localhost"
    )
    disabled_notifications: Annotated[
        tuple[str, ...], "Events, or groups of them, that are not sent.", UNUSED
    ] = ()
    transport_url: Annotated[
        str | None, "Message broker, for notifications that have no URL of their own.", SECRET, OWNED, UNUSED
    ] = None
    debug: Annotated[bool, "Whether the log tells every detail.", OWNED] = False
    log_file: Annotated[
        str | None, "File to log to; without it, standard error.", Alias("DEFAULT", "logfile"), OWNED
    ] = None
    log_dir: Annotated[
        str | None, "Directory of a log file given by a relative path.", Alias("DEFAULT", "logdir"), OWNED
    ] = None
    use_stderr: Annotated[
        bool, "Whether to log to standard error as well where a log file is set.", OWNED
    ] = False
    use_json: Annotated[bool, "Whether each log line is a JSON object.", OWNED] = False
