"""What an operator allows to be fetched, and what a URI or an address that breaks it is told."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import ClassVar, NamedTuple, cast

from glimpse.errors import Invalid
from glimpse.transfer.sources.addresses import EXEMPTIBLE, Address, Network, canonical, embedded, special

DEFAULT_PORTS = {"http": 80, "https": 443}

# Who reads a refusal seldom is who can change it.
_WHOSE = "What may be fetched is the operator's choice, in [import_filtering_opts]."


class UriRefused(Invalid):
    """The URI may not be fetched. ``rule`` names the rule that refused it, as a stable word."""

    code = "uri-refused"

    def __init__(self, message: str, *, rule: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.rule = rule


class Unresolved(UriRefused):
    """The name server gave no answer now; another try may succeed."""

    retryable: ClassVar[bool] = True


class Refusal(NamedTuple):
    """Why no connection may be made to an address."""

    rule: str
    """``address`` for what it is, or the option that refuses it."""
    told: str
    """What it is, without the address: what users are told of a name whose addresses they need not know."""
    logged: str
    """The same with the address, for the operator."""


@dataclass(frozen=True, slots=True)
class FetchRules:
    """What an operator allows to be fetched: the values of ``[import_filtering_opts]``.

    A non-empty allow-list decides alone; the deny-list of schemes, hosts or ports is then not looked at, that of
    networks always is. Hosts are compared exactly, without regard to case; addresses by value. A name in
    ``allowed_hosts`` may also have loopback, link-local, shared (CGNAT), benchmark and private addresses; an address
    in it is taken at its word. A network in ``allowed_networks`` opens a special range if it lies within that range:
    who allows ``0.0.0.0/0`` has not opened loopback.
    """

    allowed_schemes: frozenset[str] = frozenset({"http", "https"})
    disallowed_schemes: frozenset[str] = frozenset()
    allowed_hosts: frozenset[str] = frozenset()
    disallowed_hosts: frozenset[str] = frozenset()
    allowed_ports: frozenset[int] = frozenset({80, 443})
    disallowed_ports: frozenset[int] = frozenset()
    allowed_networks: frozenset[Network] = frozenset()
    disallowed_networks: frozenset[Network] = frozenset()
    allow_private_networks: bool = True

    @classmethod
    def parse(cls, told: Mapping[str, object]) -> "FetchRules":
        """The rules in options by their names; what is not there has the default."""

        def words(name: str) -> frozenset[str]:
            return frozenset(map(str, cast("Iterable[object]", told.get(name, getattr(_DEFAULTS, name)))))

        def ports(name: str) -> frozenset[int]:
            return frozenset(cast("Iterable[int]", told.get(name, getattr(_DEFAULTS, name))))

        return cls(
            allowed_schemes=words("allowed_schemes"),
            disallowed_schemes=words("disallowed_schemes"),
            allowed_hosts=words("allowed_hosts"),
            disallowed_hosts=words("disallowed_hosts"),
            allowed_ports=ports("allowed_ports"),
            disallowed_ports=ports("disallowed_ports"),
            allowed_networks=frozenset(map(ip_network, words("allowed_networks"))),
            disallowed_networks=frozenset(map(ip_network, words("disallowed_networks"))),
            allow_private_networks=bool(told.get("allow_private_networks", _DEFAULTS.allow_private_networks)),
        )

    def __post_init__(self) -> None:
        for name in ("allowed_hosts", "disallowed_hosts"):
            object.__setattr__(self, name, frozenset(_host_key(host) for host in getattr(self, name)))
        for name in ("allowed_schemes", "disallowed_schemes"):
            object.__setattr__(self, name, frozenset(scheme.lower() for scheme in getattr(self, name)))

    def judge_scheme(self, scheme: str) -> None:
        """Raise UriRefused for a scheme (in lower case) that may not be fetched."""
        if self.allowed_schemes:
            if scheme not in self.allowed_schemes:
                raise _refused(f"The scheme {scheme} is not in", "allowed_schemes")
        elif scheme in self.disallowed_schemes:
            raise _refused(f"The scheme {scheme} is in", "disallowed_schemes")
        if scheme not in DEFAULT_PORTS:
            raise UriRefused(f"The scheme {scheme} is not supported: only http and https are.", rule="scheme")

    def judge_host(self, host: str) -> None:
        """Raise UriRefused for a host that may not be fetched from, whatever its addresses are."""
        if self.allowed_hosts:
            if host not in self.allowed_hosts:
                raise _refused(f"The host {host} is not in", "allowed_hosts")
        elif host in self.disallowed_hosts:
            raise _refused(f"The host {host} is in", "disallowed_hosts")

    def judge_port(self, port: int) -> None:
        """Raise UriRefused for a port, written in the URI, that may not be fetched from."""
        if self.allowed_ports:
            if port not in self.allowed_ports:
                raise _refused(f"The port {port} is not in", "allowed_ports")
        elif port in self.disallowed_ports:
            raise _refused(f"The port {port} is in", "disallowed_ports")

    def refusal(self, address: Address, host: str) -> Refusal | None:
        """Why no connection to ``address`` may be made on behalf of ``host``; None where it may."""
        reached = (address, *embedded(address))
        if any(one in network for one in reached for network in self.disallowed_networks):
            return _refusal(address, "disallowed_networks", "in disallowed_networks")
        if not self.allowed_hosts and any(str(one) in self.disallowed_hosts for one in reached):
            return _refusal(address, "disallowed_hosts", "in disallowed_hosts")
        holding = [network for network in self.allowed_networks if address in network]
        if self.allowed_networks and not holding:
            return _refusal(address, "allowed_networks", "not in allowed_networks")
        found = special(address, private=not self.allow_private_networks)
        if found is None or any(_within(network, found.network) for network in holding):
            return None
        if host in self.allowed_hosts and (found.kind in EXEMPTIBLE or host == str(address)):
            return None
        article = "an" if found.kind[0] in "aeiouAEIOU" else "a"
        rule = "allow_private_networks" if found.kind.startswith("private") else "address"
        return _refusal(address, rule, f"{article} {found.kind} address")


_DEFAULTS = FetchRules()


def unusable(host: str, reasons: Sequence[Refusal], *, literal: bool) -> UriRefused:
    """The error for a host none of whose addresses may be connected to: ``literal`` says that it is an address itself.

    The addresses of a name are not told: who asks is not who runs the name server.
    """
    kinds = " or ".join(dict.fromkeys(reason.told for reason in reasons))
    what = f"it is {kinds}" if literal else f"its address is {kinds}"
    return UriRefused(f"The host {host} may not be connected to: {what}.", rule=reasons[0].rule, hint=_WHOSE)


def _within(network: Network, other: Network) -> bool:
    return network.version == other.version and network.subnet_of(other)  # type: ignore[arg-type]


def _refusal(address: Address, rule: str, told: str) -> Refusal:
    return Refusal(rule, told, f"{address} is {told}")


def _refused(sentence: str, option: str) -> UriRefused:
    return UriRefused(f"{sentence} {option}.", rule=option, hint=_WHOSE)


def _host_key(host: str) -> str:
    """A host of an operator's list in the form in which hosts of URIs are compared."""
    host = host.strip().lower().removeprefix("[").removesuffix("]").removesuffix(".")
    try:
        return str(canonical(ip_address(host)))
    except ValueError:
        return host
