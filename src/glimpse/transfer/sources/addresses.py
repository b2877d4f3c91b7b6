"""Which IP addresses this service never connects to on somebody else's word.

The tables follow the IANA special-purpose address registries (IPv4 and IPv6). They stand here, and not in the
``is_private`` family of :mod:`ipaddress`, because what those say has changed between Python's patch releases.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Addresses at which clouds serve instance credentials without asking who asks. Most lie in ranges that are
# refused anyway; these are named for the message, and because the ULA and public ones would pass.
_METADATA = frozenset(
    ip_address(text)
    for text in (
        "169.254.169.254",  # OpenStack, EC2, GCE, Azure, DigitalOcean, Oracle
        "169.254.169.253",  # EC2's resolver, same link
        "169.254.170.2",  # ECS task credentials
        "169.254.170.23",  # EKS pod identity
        "168.63.129.16",  # Azure's wire server, a public address
        "100.100.100.200",  # Alibaba
        "192.0.0.192",  # Oracle classic
        "fd00:ec2::254",  # EC2
        "fd00:ec2::253",  # EC2's resolver
        "fd00:ec2::23",  # EKS pod identity
        "fd20:ce::254",  # GCE
        "fd00:42::42",  # Scaleway
        "fe80::a9fe:a9fe",  # OpenStack
    )
)

_RANGES_4 = tuple(
    (IPv4Network(network), kind)
    for network, kind in (
        ("0.0.0.0/8", "unspecified"),
        ("100.64.0.0/10", "shared"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local"),
        ("192.0.0.0/24", "reserved"),  # IETF protocol assignments
        ("192.0.2.0/24", "documentation"),
        ("192.88.99.0/24", "reserved"),  # the 6to4 relays' former anycast
        ("198.18.0.0/15", "benchmark"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),  # and limited broadcast
    )
)

# Whatever lies in none of these and not in global unicast (2000::/3) or fc00::/7 is reserved.
_RANGES_6 = tuple(
    (IPv6Network(network), kind)
    for network, kind in (
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("::/96", "IPv4-compatible"),
        ("::ffff:0:0:0/96", "IPv4-translated"),
        ("64:ff9b:1::/48", "local NAT64"),  # where the IPv4 address sits depends on the network
        ("100::/32", "discard"),
        ("2001::/32", "Teredo"),
        ("2001:2::/48", "benchmark"),
        ("2001::/23", "reserved"),  # IETF protocol assignments, ORCHID and others
        ("2001:db8::/32", "documentation"),
        ("3fff::/20", "documentation"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")
_USABLE_6 = (IPv6Network("2000::/3"), IPv6Network("fc00::/7"), _NAT64)
# Forms that carry an IPv4 address in their last 32 bits; mapped, 6to4 and Teredo are known to ``ipaddress``.
_TRAILING_4 = (IPv6Network("::/96"), IPv6Network("::ffff:0:0:0/96"), _NAT64)

# Where a cloud's own mirrors stand, and its database and its switches: usable unless the operator says no.
_PRIVATE = tuple(ip_network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"))

# What an operator opens by naming a host in ``allowed_hosts``: ranges in which real servers stand.
EXEMPTIBLE = frozenset({"loopback", "link-local", "shared", "benchmark", "private"})


class Special(NamedTuple):
    """Why an address is none like any other."""

    kind: str
    """``loopback``, ``metadata`` …"""
    network: Network
    """The range that is of this kind; the address alone where it is named for itself."""


def canonical(address: Address) -> Address:
    """The address that packets really go to: an IPv4-mapped IPv6 address is its IPv4 address."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def embedded(address: Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses that tunnels and translators would read out of this IPv6 address."""
    if isinstance(address, IPv4Address):
        return ()
    value = int(address)
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    isatap = (value >> 32) & 0xFDFF_FFFF == 0x0000_5EFE
    if value > 1 and (isatap or any(address in network for network in _TRAILING_4)):
        found.append(IPv4Address(value & 0xFFFF_FFFF))
    return tuple(inner for inner in found if inner is not None)


def special(address: Address, *, private: bool = False) -> Special | None:
    """What kind of special-purpose address this is, None for a usable one.

    Private ranges (RFC 1918, ULA) are usable unless ``private`` asks for them too.
    """
    address = canonical(address)
    alone: Network = (
        IPv4Network(int(address)) if isinstance(address, IPv4Address) else IPv6Network(int(address))
    )
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return Special("scoped", alone)
    if address in _METADATA:
        return Special("metadata", alone)
    for inner in embedded(address):
        if (found := special(inner, private=private)) is not None:
            return Special(f"{found.kind} (IPv4 {inner} inside)", alone)
    ranges: tuple[tuple[Network, str], ...] = _RANGES_4 if isinstance(address, IPv4Address) else _RANGES_6
    for network, kind in ranges:
        if address in network:
            return Special(kind, network)
    if isinstance(address, IPv6Address) and not any(address in network for network in _USABLE_6):
        return Special("reserved", alone)
    for network in _PRIVATE if private else ():
        if address in network:
            return Special("private", network)
    return None
