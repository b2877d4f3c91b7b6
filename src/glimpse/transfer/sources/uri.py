"""Whether a URI may be fetched, and the addresses to which the connection must then go.

The URI is read once, here and strictly: what a lenient reader would repair is refused, because two readers
that repair differently are how a filter is passed by. The connection code uses what this module read and
nothing else.
"""

import base64
import logging
import re
import socket
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import quote, unquote_to_bytes

from glimpse.transfer.sources.addresses import Address, canonical
from glimpse.transfer.sources.resolve import Resolve, system_resolve
from glimpse.transfer.sources.rules import DEFAULT_PORTS, FetchRules, Unresolved, UriRefused, unusable

# Each may take the whole time to connect, so a name with thousands of addresses at which nobody answers would keep
# an import for hours. Large mirrors have eight of each kind.
_MOST_ADDRESSES = 16
# Longer than any link that a person or a signing tool makes (presigned S3 links stay below 2 KiB).
_LONGEST = 8192

_URI = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?", re.DOTALL)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_AUTHORITY = re.compile(r"(?:([^@]*)@)?(\[[^\[\]@]*\]|[^:@\[\]]*)(?::([^:@]*))?")
_USERINFO = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:-]|%[0-9A-Fa-f]{2})*")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Target:
    """A URI that was read and judged: where to connect and what to ask for."""

    scheme: str
    """``http`` or ``https``."""
    host: str
    """Name in lower case, or address in canonical form without brackets; also the name for TLS."""
    port: int
    path: str
    """Path and query as they go into the request line; begins with ``/``."""
    addresses: tuple[Address, ...]
    """Every address to which a connection may go, in the order to try them; never empty."""
    authorization: str | None = field(default=None, repr=False)
    """Value of the Authorization header for this origin only, from the URI's userinfo."""

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port: the boundary that credentials never cross."""
        return self.scheme, self.host, self.port

    @property
    def netloc(self) -> str:
        """The Host header: the host, with the port where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The URI without userinfo, as a base for relative redirects; for messages take :attr:`shown`."""
        return f"{self.scheme}://{self.netloc}{self.path}"

    @property
    def shown(self) -> str:
        """The URI for messages and logs: no userinfo, no query."""
        return masked(self.url)


def masked(uri: str) -> str:
    """``uri`` for messages and logs: without userinfo and query (it may be a signature), safe to print."""
    match = _URI.fullmatch(uri)
    authority = _AUTHORITY.fullmatch(match[2]) if match else None
    if match and authority and (authority[3] is None or _PORT.fullmatch(authority[3])):
        at = "***@" if authority[1] is not None else ""
        port = f":{authority[3]}" if authority[3] else ""
        uri = f"{match[1]}://{at}{authority[2]}{port}{match[3]}{'?***' if match[4] else ''}"
    else:
        # Unreadable: where the userinfo ends is anybody's guess, so everything before the last @ goes.
        scheme, separator, rest = uri.partition("://")
        if not _SCHEME.fullmatch(scheme):
            scheme, separator, rest = "", "", uri
        rest = "***@" + rest.rpartition("@")[2] if "@" in rest else rest
        rest = re.sub(r"^([^/?#:]*):(?![0-9]+(?:[/?#]|$))[^/?#]*", r"\1:***", rest)
        uri = scheme + separator + re.sub(r"\?.*", "?***", rest, flags=re.DOTALL)
    shown = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in uri)
    return shown if len(shown) <= 300 else shown[:299] + "…"


def plain(text: str) -> bool:
    """Whether ``text`` is free of what readers of URIs strip or reread: spaces, backslashes, controls."""
    return all(char > " " and char != "\\" and char.isprintable() for char in text)


def check(uri: str, rules: FetchRules, resolve: Resolve = system_resolve) -> Target:
    """Read ``uri``, judge it by ``rules`` and resolve it. Raises UriRefused, Unresolved."""
    scheme, authority, path = _split(uri)
    rules.judge_scheme(scheme)
    userinfo, host, port = _read_authority(authority, uri)
    rules.judge_host(host)
    if port is not None:
        rules.judge_port(port)
    return Target(
        scheme=scheme,
        host=host,
        port=port or DEFAULT_PORTS[scheme],
        path=path,
        addresses=_addresses(host, rules, resolve),
        authorization=_basic(userinfo) if userinfo is not None else None,
    )


def _split(uri: str) -> tuple[str, str, str]:
    """Scheme, authority, path with query."""
    if len(uri) > _LONGEST:
        raise UriRefused(f"The URI has {len(uri)} characters, more than {_LONGEST}.", rule="syntax")
    if not plain(uri):
        raise UriRefused(
            f"The URI {masked(uri)} contains a space, a backslash or a control character.",
            rule="syntax",
            hint="Write such characters percent-encoded.",
        )
    match = _URI.fullmatch(uri)
    if match is None:
        raise UriRefused(f"{masked(uri)} is not a URI of the form scheme://host/path.", rule="syntax")
    path = quote((match[3] or "/") + (match[4] or ""), safe="!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~")
    return match[1].lower(), match[2], path


def _read_authority(text: str, uri: str) -> tuple[str | None, str, int | None]:
    """Userinfo, host and port as written."""
    authority = _AUTHORITY.fullmatch(text)
    if authority is None:
        raise UriRefused(f"The host part of {masked(uri)} cannot be read in only one way.", rule="syntax")
    userinfo, host, port = authority[1], authority[2], authority[3]
    if userinfo is not None and not _USERINFO.fullmatch(userinfo):
        raise UriRefused("The userinfo in the URI needs percent-encoding.", rule="userinfo")
    if port is not None and not (_PORT.fullmatch(port) and int(port) <= 65535):
        raise UriRefused(f"The port of {masked(uri)} is not a number from 1 to 65535.", rule="port")
    return userinfo, _read_host(host), int(port) if port else None


def _read_host(host: str) -> str:
    """The host in the one form in which it is compared and resolved."""
    if not host:
        raise UriRefused("The URI has no host.", rule="host")
    if host.startswith("["):
        try:
            address = ip_address(host[1:-1])
        except ValueError:
            raise UriRefused(f"{host} is not an IPv6 address.", rule="host") from None
        if address.version != 6 or "%" in host:
            raise UriRefused(f"{host} is not a plain IPv6 address.", rule="host")
        return str(canonical(address))
    if not host.isascii():
        raise UriRefused(f"The host {host!a} is not ASCII.", rule="host", hint="Write it in its xn-- form.")
    host = host.lower()
    try:
        return str(ip_address(host))
    except ValueError:
        pass
    labels = host.split(".")
    if _NUMERIC.fullmatch(host.removesuffix(".").rpartition(".")[2]):
        raise UriRefused(f"The host {host} is an address in an odd spelling.", rule="host")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise UriRefused(
            f"{host[:253]!r} is not a host name.", rule="host", hint="No trailing dot, no percent sign."
        )
    return host


def _addresses(host: str, rules: FetchRules, resolve: Resolve) -> tuple[Address, ...]:
    literal = True
    try:
        found = [ip_address(host)]
    except ValueError:
        literal = False
        found = _resolved(host, resolve)
    refusals = {address: rules.refusal(address, host) for address in found}
    usable = tuple(address for address, refusal in refusals.items() if refusal is None)
    refused = [refusal for refusal in refusals.values() if refusal is not None]
    if refused:
        why = "; ".join(one.logged for one in refused)
        log.info("No connection on behalf of host %s: %s ([import_filtering_opts] decides).", host, why)
    if not usable:
        raise unusable(host, refused, literal=literal)
    return usable


def _resolved(host: str, resolve: Resolve) -> list[Address]:
    """The addresses of a name. Raises UriRefused, Unresolved."""
    try:
        found = [canonical(ip_address(text)) for text in resolve(host)[:_MOST_ADDRESSES]]
    except socket.gaierror as error:
        kind = Unresolved if error.errno == socket.EAI_AGAIN else UriRefused
        raise kind(f"The host {host} does not resolve: {error.strerror}.", rule="resolve") from None
    except (OSError, ValueError) as error:
        raise UriRefused(f"The host {host} does not resolve: {error}.", rule="resolve") from None
    if not found:
        raise UriRefused(f"The host {host} has no address.", rule="resolve")
    return found


def _basic(userinfo: str) -> str:
    user, _, password = userinfo.partition(":")
    return "Basic " + base64.b64encode(unquote_to_bytes(user) + b":" + unquote_to_bytes(password)).decode()
