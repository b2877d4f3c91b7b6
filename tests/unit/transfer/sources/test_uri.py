"""What may be fetched: hostile spellings, forbidden addresses and operators' lists."""

import base64
import socket
from collections.abc import Sequence

import pytest

from glimpse.transfer.sources.resolve import system_resolve
from glimpse.transfer.sources.rules import FetchRules, Unresolved, UriRefused
from glimpse.transfer.sources.uri import check, masked
from tests.hostile_uris import HOSTILE

PUBLIC = "93.184.216.34"
ANY_PORT = FetchRules(allowed_ports=frozenset())


def at(*addresses: str) -> "Answers":
    return Answers(addresses)


class Answers:
    """A resolver that gives these addresses for every name, and remembers what it was asked for."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self.addresses = addresses
        self.asked: list[str] = []

    def __call__(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        return self.addresses


@pytest.mark.parametrize(("uri", "rule"), HOSTILE, ids=[ascii(uri)[:60] for uri, _ in HOSTILE])
def test_a_hostile_uri_is_refused_by_the_right_rule(uri: str, rule: str) -> None:
    with pytest.raises(UriRefused) as caught:
        check(uri, FetchRules(), at(PUBLIC))
    assert caught.value.rule == rule
    assert caught.value.message.endswith(".")
    assert caught.value.message.isprintable()
    assert "word" not in caught.value.message


@pytest.mark.parametrize(
    ("uri", "scheme", "host", "port", "path"),
    [
        ("http://example.org", "http", "example.org", 80, "/"),
        ("http://example.org/disk.img", "http", "example.org", 80, "/disk.img"),
        ("HTTPS://Example.ORG/Disk?v=1&w=a@b#part", "https", "example.org", 443, "/Disk?v=1&w=a@b"),
        ("http://example.org?v=1", "http", "example.org", 80, "/?v=1"),
        ("http://example.org:443/x", "http", "example.org", 443, "/x"),
        ("https://u:p@example.org:80/x", "https", "example.org", 80, "/x"),
        ("http://my_mirror.example/%7Ea/b:c@d", "http", "my_mirror.example", 80, "/%7Ea/b:c@d"),
        ("http://xn--fa-hia.example/", "http", "xn--fa-hia.example", 80, "/"),
        ("http://mirror/", "http", "mirror", 80, "/"),
        ("http://0x.example/", "http", "0x.example", 80, "/"),
        ("http://10.1.2.3/", "http", "10.1.2.3", 80, "/"),
        ("http://[FD00::0:A]/", "http", "fd00::a", 80, "/"),
        ("http://[::ffff:10.1.2.3]/", "http", "10.1.2.3", 80, "/"),
        ("http://example.org/größe", "http", "example.org", 80, "/gr%C3%B6%C3%9Fe"),
    ],
)
def test_a_plain_uri_is_read_exactly(uri: str, scheme: str, host: str, port: int, path: str) -> None:
    target = check(uri, FetchRules(), at(PUBLIC))
    assert (target.scheme, target.host, target.port, target.path) == (scheme, host, port, path)


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.128.0.1",
        "172.32.0.1",
        "198.20.0.1",
        "2606:4700::1111",
        "fd12:3456::1",
        "64:ff9b::808:808",
        "2002:808:808::1",
    ],
)
def test_public_and_private_addresses_are_usable(address: str) -> None:
    assert [str(one) for one in check("http://example.org/", FetchRules(), at(address)).addresses] == [
        address
    ]


def test_only_the_usable_addresses_of_a_name_remain_in_their_order() -> None:
    answers = at("127.0.0.1", "2606:4700::1", "169.254.169.254", "::ffff:8.8.8.8", "10.0.0.1", "::1")
    target = check("http://example.org/", FetchRules(), answers)
    assert [str(one) for one in target.addresses] == ["2606:4700::1", "8.8.8.8", "10.0.0.1"]


def test_of_thousands_of_addresses_a_few_are_tried(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="glimpse")
    crowd = [f"8.8.{number >> 8}.{number & 255}" for number in range(4000)]
    assert [str(one) for one in check("http://crowd.example/", FetchRules(), at(*crowd)).addresses] == crowd[
        :16
    ]
    with pytest.raises(UriRefused):
        check("http://crowd.example/", FetchRules(), at(*(["127.0.0.1"] * 4000)))
    assert len(caplog.text) < 2000


@pytest.mark.parametrize(
    "addresses",
    [("127.0.0.1",), ("::1", "169.254.169.254"), ("::ffff:127.0.0.1",), ("fe80::1%lo",), ("nonsense",), ()],
)
def test_a_name_with_no_usable_address_is_refused(addresses: tuple[str, ...]) -> None:
    with pytest.raises(UriRefused) as caught:
        check("http://rebound.example/", FetchRules(), at(*addresses))
    assert "rebound.example" in caught.value.message
    assert not caught.value.retryable


def test_the_addresses_of_a_refused_name_are_for_the_log_alone(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="glimpse")
    with pytest.raises(UriRefused) as caught:
        check("http://rebound.example/", FetchRules(), at("127.0.0.1", "64:ff9b::a9fe:a9fe"))
    assert caught.value.message == (
        "The host rebound.example may not be connected to: its address is a loopback address or "
        "a metadata (IPv4 169.254.169.254 inside) address."
    )
    assert "[import_filtering_opts]" in caught.value.hint
    assert (
        "No connection on behalf of host rebound.example: 127.0.0.1 is a loopback address; "
        "64:ff9b::a9fe:a9fe is a metadata (IPv4 169.254.169.254 inside) address ([import_filtering_opts] decides)."
    ) in caplog.text


def test_an_address_that_is_left_out_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="glimpse")
    check("http://mixed.example/", FetchRules(), at("127.0.0.1", PUBLIC))
    assert "127.0.0.1 is a loopback address" in caplog.text
    assert PUBLIC not in caplog.text


class TestLists:
    def test_a_listed_name_may_be_loopback_but_not_a_metadata_service(self) -> None:
        rules = FetchRules(allowed_hosts=frozenset({"Mirror.Example"}))
        answers = at("127.0.0.1", "169.254.169.254", "0.0.0.0", "169.254.7.7", "100.64.0.9")
        target = check("http://mirror.example/", rules, answers)
        assert [str(one) for one in target.addresses] == ["127.0.0.1", "169.254.7.7", "100.64.0.9"]

    @pytest.mark.parametrize("address", ["127.0.0.1", "::1", "169.254.169.254", "192.0.2.1"])
    def test_a_listed_address_is_taken_at_its_word(self, address: str) -> None:
        host = f"[{address}]" if ":" in address else address
        target = check(f"http://{host}/", FetchRules(allowed_hosts=frozenset({host})))
        assert str(target.addresses[0]) == address

    def test_a_mapped_address_counts_as_the_ipv4_address_that_is_listed(self) -> None:
        rules = FetchRules(allowed_hosts=frozenset({"127.0.0.1"}))
        assert str(check("http://[::ffff:127.0.0.1]/", rules).addresses[0]) == "127.0.0.1"

    def test_a_host_that_is_not_listed_is_refused(self) -> None:
        rules = FetchRules(allowed_hosts=frozenset({"mirror.example"}))
        for uri in ("http://example.org/", "http://a.mirror.example/", "http://mirror.example.org/"):
            with pytest.raises(UriRefused) as caught:
                check(uri, rules, at(PUBLIC))
            assert caught.value.rule == "allowed_hosts"

    def test_a_denied_host_is_refused_in_every_spelling_of_case_and_address(self) -> None:
        rules = FetchRules(disallowed_hosts=frozenset({"Bad.Example", "8.8.8.8", "fd00:0::1"}))
        for uri in (
            "http://bad.EXAMPLE/",
            "http://8.8.8.8/",
            "http://[::ffff:808:808]/",
            "http://[fd00::0:1]/",
        ):
            with pytest.raises(UriRefused) as caught:
                check(uri, rules, at(PUBLIC))
            assert caught.value.rule == "disallowed_hosts"

    def test_a_name_that_resolves_to_a_denied_address_is_refused(self) -> None:
        rules = FetchRules(disallowed_hosts=frozenset({"8.8.8.8"}))
        for answer in ("8.8.8.8", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"):
            with pytest.raises(UriRefused) as caught:
                check("http://example.org/", rules, at(answer))
            assert caught.value.rule == "disallowed_hosts"

    def test_an_allow_list_silences_the_deny_list(self) -> None:
        rules = FetchRules(
            allowed_hosts=frozenset({"example.org"}),
            disallowed_hosts=frozenset({"example.org", PUBLIC}),
            disallowed_schemes=frozenset({"http"}),
            allowed_ports=frozenset({8080}),
            disallowed_ports=frozenset({8080}),
        )
        assert check("http://example.org:8080/", rules, at(PUBLIC)).port == 8080

    def test_deny_lists_decide_where_allow_lists_are_empty(self) -> None:
        rules = FetchRules(
            allowed_schemes=frozenset(),
            disallowed_schemes=frozenset({"HTTP"}),
            allowed_ports=frozenset(),
            disallowed_ports=frozenset({22}),
        )
        assert check("https://example.org:9292/", rules, at(PUBLIC)).port == 9292
        for uri, rule in (
            ("http://example.org/", "disallowed_schemes"),
            ("https://example.org:22/", "disallowed_ports"),
            ("ftp://example.org/", "scheme"),
        ):
            with pytest.raises(UriRefused) as caught:
                check(uri, rules, at(PUBLIC))
            assert caught.value.rule == rule

    def test_a_port_that_is_not_written_is_not_judged(self) -> None:
        rules = FetchRules(allowed_ports=frozenset({8080}))
        assert check("http://example.org/", rules, at(PUBLIC)).port == 80


class TestResolving:
    def test_an_address_is_never_asked_for(self) -> None:
        answers = at(PUBLIC)
        check("http://10.0.0.1/", FetchRules(), answers)
        check("http://[fd00::1]/", FetchRules(), answers)
        assert answers.asked == []

    def test_a_name_is_asked_for_once(self) -> None:
        answers = at(PUBLIC)
        check("http://Example.org/", FetchRules(), answers)
        assert answers.asked == ["example.org"]

    @pytest.mark.parametrize("host", ["localhost", "localhost.localdomain", "0x7f000001", "2130706433"])
    def test_the_system_resolver_knows_no_local_names_and_no_numbers(self, host: str) -> None:
        with pytest.raises(socket.gaierror):
            system_resolve(host)

    def test_a_name_that_does_not_exist_is_refused(self) -> None:
        with pytest.raises(UriRefused, match=r"no-such-host\.invalid does not resolve"):
            check("http://no-such-host.invalid/", FetchRules())

    @pytest.mark.parametrize(("code", "retryable"), [(socket.EAI_AGAIN, True), (socket.EAI_NONAME, False)])
    def test_a_name_server_that_does_not_answer_now_is_worth_another_try(
        self, code: int, retryable: bool
    ) -> None:
        def resolve(host: str) -> list[str]:
            raise socket.gaierror(code, "the reason")

        with pytest.raises(UriRefused, match="the reason") as caught:
            check("http://example.org/", FetchRules(), resolve)
        assert isinstance(caught.value, Unresolved) == retryable
        assert caught.value.retryable == retryable


class TestSecrets:
    def test_userinfo_becomes_basic_authentication(self) -> None:
        target = check("http://me%40home:s%3Aecret@example.org/x", FetchRules(), at(PUBLIC))
        assert target.authorization == "Basic " + base64.b64encode(b"me@home:s:ecret").decode()
        assert check("http://example.org/", FetchRules(), at(PUBLIC)).authorization is None

    def test_a_target_shows_no_secret(self) -> None:
        target = check("http://me:secret@example.org/x?signature=hidden", FetchRules(), at(PUBLIC))
        assert target.authorization is not None
        assert "secret" not in target.url
        assert "secret" not in repr(target)
        assert target.authorization not in repr(target)
        assert target.shown == "http://example.org/x?***"

    @pytest.mark.parametrize(
        ("uri", "shown"),
        [
            ("http://example.org/x", "http://example.org/x"),
            ("http://example.org/a@b", "http://example.org/a@b"),
            ("http://me:secret@example.org:80/x", "http://***@example.org:80/x"),
            ("http://secret@example.org", "http://***@example.org"),
            ("http://me:se/cret@example.org/x", "http://***@example.org/x"),
            ("http://me:se@cret@example.org/x", "http://***@example.org/x"),
            ("http://me:se cret@example.org/x", "http://***@example.org/x"),
            ("http://me:secret\\@example.org/x", "http://***@example.org/x"),
            ("me:secret@example.org", "***@example.org"),
            ("http://example.org/x?token=secret#part", "http://example.org/x?***"),
            ("not a uri?secret", "not a uri?***"),
            ("http://example.org/\r\n\x1b[2J", "http://example.org/\\r\\n\\x1b[2J"),
        ],
    )
    def test_masked_leaves_no_secret_and_nothing_that_moves_a_cursor(self, uri: str, shown: str) -> None:
        assert masked(uri) == shown

    def test_no_refusal_repeats_a_password(self) -> None:
        for uri in (
            "ftp://me:secret@example.org/",
            "http://me:secret@example.org:22/",
            "http://me:secret@127.0.0.1/",
            "http://me:secret@example.org:secret/",
            "http://me:sec ret@example.org/",
            "http://me:secret@@example.org/",
            "http://me:secret<@example.org/",
            "me:secret@example.org",
            "http://me:secret@[::1/",
        ):
            with pytest.raises(UriRefused) as caught:
                check(uri, FetchRules(), at(PUBLIC))
            assert "ret" not in caught.value.message, uri


@pytest.mark.parametrize(
    ("uri", "netloc"),
    [
        ("http://example.org/", "example.org"),
        ("http://example.org:80/", "example.org"),
        ("http://example.org:443/", "example.org:443"),
        ("https://[2606:4700::1]:8443/", "[2606:4700::1]:8443"),
    ],
)
def test_the_host_header_has_the_port_only_where_it_is_not_the_usual(uri: str, netloc: str) -> None:
    assert check(uri, ANY_PORT, at(PUBLIC)).netloc == netloc
