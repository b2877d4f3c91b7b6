"""Networks that operators allow and deny, and private ranges."""

from ipaddress import ip_address

import pytest

from glimpse.transfer.sources.rules import FetchRules, UriRefused
from glimpse.transfer.sources.uri import check

EVERYWHERE = ("0.0.0.0/0", "::/0")


def rules(**told: object) -> FetchRules:
    """Rules from options, as a configuration has them."""
    return FetchRules.parse({"allowed_ports": (), **told})


def refused_by(address: str, **told: object) -> str:
    """The rule that refuses an address of mirror.example; empty where none does."""
    refusal = rules(**told).refusal(ip_address(address), "mirror.example")
    return "" if refusal is None else refusal.rule


def test_what_options_do_not_say_has_the_default() -> None:
    assert FetchRules.parse({}) == FetchRules()


@pytest.mark.parametrize("address", ["10.1.2.3", "8.8.8.8", "2606:4700::1", "fd12::1"])
def test_only_allowed_networks_are_connected_to(address: str) -> None:
    assert refused_by(address, allowed_networks=("10.0.0.0/8", "2606:4700::/32")) == (
        "" if address in ("10.1.2.3", "2606:4700::1") else "allowed_networks"
    )


@pytest.mark.parametrize(
    ("network", "address", "rule"),
    [
        ("127.0.0.0/8", "127.0.0.1", ""),
        ("127.0.0.1", "127.0.0.1", ""),
        ("127.0.0.2", "127.0.0.1", "allowed_networks"),
        ("100.64.0.0/16", "100.64.9.9", ""),
        ("240.0.0.0/8", "240.1.2.3", ""),
        ("::1", "::1", ""),
        # A network that holds more than one special range opens none of them.
        ("0.0.0.0/0", "127.0.0.1", "address"),
        ("0.0.0.0/0", "8.8.8.8", ""),
        ("96.0.0.0/3", "100.64.9.9", "address"),
        ("::/0", "::1", "address"),
        ("::/0", "fe80::1", "address"),
        # A metadata service lies in a range of its own: it has to be named alone.
        ("169.254.0.0/16", "169.254.1.1", ""),
        ("169.254.0.0/16", "169.254.169.254", "address"),
        ("169.254.169.254/32", "169.254.169.254", ""),
        ("fc00::/7", "fd00:ec2::254", "address"),
        ("100.64.0.0/10", "100.100.100.200", "address"),
        # So does an address that carries another.
        ("2002::/16", "2002:7f00:1::", "address"),
        ("64:ff9b::/96", "64:ff9b::7f00:1", "address"),
        ("2001::/16", "2001:0:7f00:1::", "address"),
    ],
)
def test_a_network_opens_the_range_that_it_lies_in(network: str, address: str, rule: str) -> None:
    assert refused_by(address, allowed_networks=(network,)) == rule


@pytest.mark.parametrize(
    "address",
    ["10.0.5.9", "64:ff9b::a00:509", "2002:a00:509::1", "2600::5efe:10.0.5.9"],
)
def test_a_denied_network_is_denied_in_every_disguise(address: str) -> None:
    denied: dict[str, object] = {"disallowed_networks": ("10.0.5.0/24",)}
    assert refused_by(address, **denied) == "disallowed_networks"
    assert refused_by("10.0.6.9", **denied) == ""


def test_a_denied_network_is_denied_within_an_allowed_one_and_to_named_hosts() -> None:
    assert (
        refused_by("10.0.5.9", allowed_networks=("10.0.0.0/8",), disallowed_networks=("10.0.5.0/24",))
        == "disallowed_networks"
    )
    named: dict[str, object] = {
        "allowed_hosts": ("mirror.example",),
        "disallowed_networks": ("10.0.5.0/24",),
    }
    assert refused_by("10.0.5.9", **named) == "disallowed_networks"
    assert refused_by("10.0.6.9", **named) == ""


@pytest.mark.parametrize(
    "address",
    ["10.0.0.1", "172.16.0.1", "172.31.255.254", "192.168.1.1", "fd12:3456::1", "64:ff9b::a00:1"],
)
def test_private_addresses_are_the_operators_choice(address: str) -> None:
    assert refused_by(address) == ""
    assert refused_by(address, allow_private_networks=False) == "allow_private_networks"


def test_named_hosts_and_networks_may_be_private_whatever_else_may() -> None:
    closed: dict[str, object] = {"allow_private_networks": False}
    assert refused_by("8.8.8.8", **closed) == ""
    assert refused_by("172.32.0.1", **closed) == ""
    assert refused_by("10.0.0.1", allowed_hosts=("mirror.example",), **closed) == ""
    mirrors = (*EVERYWHERE, "10.1.0.0/16")
    assert refused_by("10.1.0.1", allowed_networks=mirrors, **closed) == ""
    assert refused_by("10.2.0.1", allowed_networks=mirrors, **closed) == "allow_private_networks"


def test_allowed_hosts_and_allowed_networks_must_both_agree() -> None:
    both: dict[str, object] = {"allowed_hosts": ("mirror.example",), "allowed_networks": ("10.1.0.0/16",)}
    assert refused_by("10.1.0.1", **both) == ""
    assert refused_by("10.2.0.1", **both) == "allowed_networks"
    with pytest.raises(UriRefused) as caught:
        check("http://10.1.0.1/", rules(**both))
    assert caught.value.rule == "allowed_hosts"


@pytest.mark.parametrize(
    ("uri", "answer", "message"),
    [
        ("http://10.2.0.1/", "", "The host 10.2.0.1 may not be connected to: it is a private address."),
        (
            "http://inner.example/",
            "10.2.0.1",
            "The host inner.example may not be connected to: its address is a private address.",
        ),
    ],
)
def test_who_asks_learns_no_address_from_a_refusal(uri: str, answer: str, message: str) -> None:
    with pytest.raises(UriRefused) as caught:
        check(uri, rules(allow_private_networks=False), lambda host: [answer])
    assert caught.value.message == message
