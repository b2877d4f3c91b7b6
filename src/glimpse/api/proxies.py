"""The service's address as its clients know it, where proxies stand between: read from what these add.

Only believed with ``[oslo_middleware] enable_proxy_headers_parsing``, since clients could send the same.
"""

from collections.abc import Mapping, MutableMapping

from starlette.types import Scope

# Under this a scope has what the proxy puts before every path.
PREFIX = "glimpse.prefix"
SCHEMES = ("http", "https")


def believe(scope: Scope, headers: MutableMapping[str, str]) -> None:
    """Make the request one to the address that the client asked, as ``Forwarded`` (RFC 7239) says, else the
    older ``X-Forwarded-Proto`` and ``-Host``; ``X-Forwarded-Prefix`` beside either. Of several proxies the one
    next to the client counts, which is named first.
    """
    said = _standard(headers.get("forwarded", "")) or {
        name: _first(headers.get(f"x-forwarded-{name}", "")) for name in ("proto", "host")
    }
    scheme = said.get("proto", "").lower()
    if scheme in SCHEMES:
        scope["scheme"] = scheme
    if host := said.get("host"):
        headers["host"] = host
        others = [(name, value) for name, value in scope["headers"] if name != b"host"]
        scope["headers"] = [*others, (b"host", host.encode("latin-1"))]
    prefix = _first(headers.get("x-forwarded-prefix", "")).strip("/")
    scope[PREFIX] = f"/{prefix}" if prefix else ""


def _standard(forwarded: str) -> Mapping[str, str]:
    pairs = (part.partition("=") for part in _first(forwarded).split(";"))
    return {name.strip().lower(): value.strip().strip('"') for name, equals, value in pairs if equals}


def _first(listed: str) -> str:
    return listed.partition(",")[0].strip()
