"""``[glimpse]``: what Glance has no option for."""

from pathlib import Path
from typing import Annotated

from glimpse import __version__
from glimpse.config.declare import BYTES, Choices, Range, Section, Shown


class Glimpse(Section):
    """What Glance has no option for."""

    conductors: Annotated[int, "Conductor processes that serve starts.", Range(0)] = 1
    claim_lease: Annotated[
        float, "Seconds after which a silent conductor's import is taken over.", Range(0.1)
    ] = 10.0
    heartbeat: Annotated[float, "Seconds between two signs of life of a conductor.", Range(0.01)] = 0.5
    upload_lease: Annotated[
        float, "Seconds after which an upload of a dead process is undone.", Range(0.1)
    ] = 30.0
    upload_buffer_bytes: Annotated[
        int, "Most bytes of uploads and downloads that one process holds in memory.", BYTES, Range(1 << 20)
    ] = 64 << 20
    client_request_timeout: Annotated[
        float,
        "Seconds that a client has for the head of a request, and as many for its body unless that is an image; "
        "a connection without a request is closed after as many.",
        Range(0.1),
    ] = 75.0
    client_transfers: Annotated[
        int,
        "Uploads and downloads of images that one project (one address, where callers have no project) may have "
        "under way in each api process; 0: any number.",
        Range(0),
    ] = 0
    max_expansion_ratio: Annotated[
        float,
        "How many times larger than its packed bytes an image may be beyond its first GiB; 0: any number of times.",
        Range(1, or_zero=True),
    ] = 250.0
    web_connect_timeout: Annotated[float, "Seconds to wait for a connection to a source.", Range(0.01)] = 10.0
    web_stall_timeout: Annotated[float, "Seconds that a source may be silent.", Range(0.01)] = 60.0
    web_minimum_speed: Annotated[
        int, "Least bytes per second, on average over web_stall_timeout, that a source must send.", BYTES
    ] = 1024
    web_user_agent: Annotated[str, "What web-download calls itself."] = f"glimpse/{__version__}"
    http_basic_user_file: Annotated[
        str, "With flavor http_basic: file of users and bcrypt hashes, as htpasswd -B writes it."
    ] = "htpasswd"
    http_basic_role_file: Annotated[
        str,
        "With flavor http_basic: file of their projects and roles, user:project:role,role; may be missing.",
    ] = "htpasswd-roles"
    certificate_directory: Annotated[
        Path | None,
        "With [key_manager] backend directory: where the certificates of signed images are, as UUID.pem.",
        Shown("<data>/certificates"),
    ] = None
    noauth_beyond_loopback: Annotated[
        bool,
        "Whether a service without authentication may listen where others reach it; each of them is an "
        "administrator.",
    ] = False
    key_ring: Annotated[
        str,
        "File of the keys that encrypt what imports keep secret in the database; made at its first use, and to be "
        "shared by all hosts of one database. A relative path begins at the data directory.",
    ] = "key-ring"
    jobboard: Annotated[str, "Where conductors find their work.", Choices("sql")] = "sql"
