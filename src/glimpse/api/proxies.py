"""The service's address as its clients know it, and theirs, where proxies stand between: from what these add.

Only believed with ``[oslo_middleware] enable_proxy_headers_parsing``, since clients could send the same.
"""

import re
from collections.abc import Mapping, MutableMapping
from ipaddress import ip_address

from starlette.types import Scope

# Under these a scope has what the proxy puts before every path, and the address that it was asked from.
PREFIX = "glimpse.prefix"
CLIENT = "glimpse.client"
SCHEMES = ("http", "https")
_HOST = re.compile(r"([A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")
_PREFIX = re.compile(r"[\w.~%-]+(/[\w.~%-]+)*", re.ASCII)
# Commas separate, but not in quotes.
_ELEMENT = re.compile(r'(?:[^,"]|"[^"]*")+')
_PORT = re.compile(r":[0-9]{1,5}$")


def believe(scope: Scope, headers: MutableMapping[str, str]) -> None:
    """Make the request one to the address that the client asked, as ``Forwarded`` (RFC 7239) says, else the
    older ``X-Forwarded-Proto`` and ``-Host``; ``X-Forwarded-Prefix`` beside either. Of several proxies the one
    next to the client counts, which is named first.

    Where the client is, the proxy next to us tells, which is named last: what stands before, a client may have
    invented. What makes no sense is not believed.
    """
    elements = [element.strip() for element in _ELEMENT.findall(headers.get("forwarded", ""))]
    said = (_pairs(elements[0]) if elements else {}) or {
        name: _first(headers.get(f"x-forwarded-{name}", "")) for name in ("proto", "host")
    }
    scheme = said.get("proto", "").lower()
    if scheme in SCHEMES:
        scope["scheme"] = scheme
    host = said.get("host", "")
    if _HOST.fullmatch(host):
        headers["host"] = host
        others = [(name, value) for name, value in scope["headers"] if name != b"host"]
        scope["headers"] = [*others, (b"host", host.encode("latin-1"))]
    prefix = _first(headers.get("x-forwarded-prefix", "")).strip("/")
    scope[PREFIX] = f"/{prefix}" if _PREFIX.fullmatch(prefix) else ""
    nearest = _pairs(elements[-1]).get("for", "") if elements else ""
    if address := _address(nearest or headers.get("x-forwarded-for", "").rpartition(",")[2].strip()):
        scope[CLIENT] = address


def client(scope: Scope) -> str:
    """The address that a request comes from, as far as we know."""
    found = scope.get(CLIENT) or (scope.get("client") or ("", 0))[0]
    return str(found)


def _pairs(element: str) -> Mapping[str, str]:
    pairs = (part.partition("=") for part in element.split(";"))
    return {name.strip().lower(): value.strip().strip('"') for name, equals, value in pairs if equals}


def _address(node: str) -> str | None:
    """The address of a node, which may have a port; None for what hides it."""
    host = _PORT.sub("", node) if node.count(":") == 1 or "]" in node else node
    try:
        return str(ip_address(host.strip("[]")))
    except ValueError:
        return None


def _first(listed: str) -> str:
    return listed.partition(",")[0].strip()
