"""What surrounds the API: proxies, browsers, health."""

from typing import Annotated

from glimpse.config.declare import BYTES, Range, Section


class OsloMiddleware(Section):
    """The service behind a proxy."""

    owner = "oslo.middleware"

    enable_proxy_headers_parsing: Annotated[
        bool, "Whether Forwarded and X-Forwarded-* headers are believed."
    ] = False
    max_request_body_size: Annotated[
        int, "Most bytes of a request's body, but for the data of images.", BYTES, Range(1024)
    ] = 1 << 20


class Cors(Section):
    """Browsers that show pages from elsewhere. For origins with other rules there may be sections [cors.NAME],
    in which what is not said holds as here.
    """

    owner = "oslo.middleware"

    allowed_origin: Annotated[tuple[str, ...], "Origins whose pages may call the API; * for all."] = ()
    allow_credentials: Annotated[bool, "Whether they may send credentials."] = True
    expose_headers: Annotated[tuple[str, ...], "Response headers that pages may read."] = (
        "X-Image-Meta-Checksum",
        "X-Auth-Token",
        "X-Subject-Token",
        "X-Service-Token",
        "X-OpenStack-Request-ID",
    )
    max_age: Annotated[int, "Seconds that a browser may remember the answer.", Range(0)] = 3600
    allow_methods: Annotated[tuple[str, ...], "Methods that pages may use."] = (
        "GET",
        "PUT",
        "POST",
        "DELETE",
        "PATCH",
    )
    allow_headers: Annotated[tuple[str, ...], "Request headers that pages may send."] = (
        "Content-MD5",
        "X-Image-Meta-Checksum",
        "X-Storage-Token",
        "Accept-Encoding",
        "X-Auth-Token",
        "X-Identity-Status",
        "X-Roles",
        "X-Service-Catalog",
        "X-User-Id",
        "X-Tenant-Id",
        "X-OpenStack-Request-ID",
    )


class Healthcheck(Section):
    """The health check."""

    owner = "oslo.middleware"

    disable_by_file_path: Annotated[
        str | None, "While this file exists, the service calls itself unavailable."
    ] = None
