"""What is taken out of texts, and what is left in."""

import gc
import logging
import time

import pytest

from glimpse.access import redact
from glimpse.access.secret import Secret, known

FERNET = "gAAAAABm" + "Zx_-9" * 30 + "=="
JWS = "eyJhbGciOiJFUzI1NiJ9." + "eyJzdWIiOiJib2IifQ" + "." + "c2lnbmF0dXJl" * 4

# Each holds the word "hidden", in one form or another, where a secret would stand.
SECRETS = [
    "http://bob:hidden@host/x",
    "http://hidden@host/x",
    "HTTP 404 from https://bob:hidden@host:8443/a/b, tried twice.",
    "postgresql+psycopg://glance:hidden@db.example/glance",
    "rabbit://glance:hidden@one:5672,glance:hidden@two:5672//",
    "mysql://glance:hi/hidden@db/glance",
    "http://bob:it'shidden@host/",
    "('http://bob:hidden@host/', 1)",
    "https://s3.example/b/k?X-Amz-Credential=hidden%2Fx&X-Amz-Signature=hidden",
    "https://blob.example/c/k?sv=1&sig=hidden%3D",
    "GET /b/k?X-Amz-Security-Token=hidden&x=1 HTTP/1.1",
    "/v1/AUTH_x/c/o?temp_url_sig=hidden&temp_url_expires=1",
    "X-Auth-Token: hidden",
    "x-service-token:hidden",
    "{'X-Auth-Token': 'hidden', 'Accept': '*/*'}",
    '{"X-Subject-Token": "hidden"}',
    "(b'x-auth-token', b'hidden')",
    "curl -H 'X-Auth-Token: hidden' https://host/",
    "Authorization: Basic hidden and more hidden",
    'Set-Cookie: session="hidden"; path=/; hidden',
    "Proxy-Authorization=Bearer hidden",
    "password=hidden",
    "Password = 'hidden words'",
    'connect(host="db", password="hidden", user="glance")',
    "{'auth': {'password': 'hidden'}, 'x': 1}",
    "transport_url_secret=hidden;x",
    "s3_store_secret_key: ok, s3_store_secret_key=hidden",
    "auth_token='hidden'",
    "host=db pwd=hidden dbname=glance",
]

# Words about secrets, addresses without one.
PLAIN = [
    "A token of Keystone is needed, in the header X-Auth-Token.",
    "The token is not valid: it has expired, was revoked, or never was one.",
    "The user name or the password is wrong.",
    "Basic authentication is needed.",
    'Keystone uri="https://keystone.example:5000/v3"',
    "[keystone_authtoken] auth_type is missing: this service needs an account",
    "service_token_roles=service",
    "HTTP 404 from http://127.0.0.1:4000/image.",
    "Cannot connect to http://[::1]:9292/x: refused.",
    "file:///srv/images/6c1f, sqlite:////srv/glimpse.db",
    "https://host/releases/disk@2.qcow2",
    "design=3, keyboard=us, os_hidden=true",
    "req-1 /v2/images/6c1f/import: 202",
]


@pytest.mark.parametrize("said", SECRETS)
def test_what_looks_like_a_secret_is_taken_out(said: str) -> None:
    assert "hidden" not in redact.text(said)
    assert redact.MASK in redact.text(said)


@pytest.mark.parametrize("said", PLAIN)
def test_what_is_no_secret_stays(said: str) -> None:
    assert redact.text(said) == said


@pytest.mark.parametrize("token", [FERNET, JWS])
def test_tokens_of_keystone_are_known_by_their_looks(token: str) -> None:
    assert redact.text(f"got {token} from somewhere") == "got *** from somewhere"


def test_basic_credentials_are_known_by_their_looks() -> None:
    assert redact.text("sent Basic Ym9iOmhpZGRlbg== to host") == "sent Basic *** to host"


@pytest.mark.parametrize("said", SECRETS)
def test_doing_it_twice_changes_nothing(said: str) -> None:
    assert redact.text(redact.text(said)) == redact.text(said)


def test_a_secret_is_taken_out_wherever_it_stands_as_long_as_it_exists() -> None:
    secret = Secret("correct horse battery")
    assert redact.text("it was the correct horse battery, they say") == "it was the ***, they say"
    assert (str(secret), f"{secret}", repr([secret])) == ("***", "***", "[***]")
    del secret
    gc.collect()
    assert redact.text("the correct horse battery") == "the correct horse battery"
    assert "correct horse battery" not in known()


def test_short_secrets_do_not_eat_other_words() -> None:
    secret = Secret("image")
    assert redact.text("image 1 of 2") == "image 1 of 2"
    assert secret.reveal() == "image"


def test_values_are_cleaned_in_depth_and_by_name() -> None:
    given = {
        "method": {"name": "web-download", "uri": "http://bob:hidden@host/x?sig=hidden"},
        "input": [{"password": "hidden", "X-Auth-Token": "hidden", "note": "X-Auth-Token: hidden"}],
        "all_stores": True,
        "size": 5,
        "nothing": None,
    }
    assert redact.value(given) == {
        "method": {"name": "web-download", "uri": "http://***@host/x?***"},
        "input": [{"password": "***", "X-Auth-Token": "***", "note": "X-Auth-Token: ***"}],
        "all_stores": True,
        "size": 5,
        "nothing": None,
    }


def test_a_value_that_goes_too_deep_is_cut() -> None:
    deep: object = "bottom"
    for _ in range(5000):
        deep = [deep]
    assert "bottom" not in str(redact.value(deep))


@pytest.mark.parametrize(
    "piece",
    [
        "a-",
        "token",
        "password= ",
        "http://",
        "http://a:",
        "eyJ",
        "eyJaaaaaaaa.",
        "gAAAAA",
        "Basic ",
        "x-auth-token,",
    ],
)
def test_long_texts_take_no_longer_than_they_are_long(piece: str) -> None:
    """Sixteen times the text takes about sixteen times as long; a quadratic search would take 256 times."""

    def seconds(length: int) -> float:
        said = piece * (length // len(piece))
        began = time.perf_counter()
        redact.text(said)
        return time.perf_counter() - began

    assert seconds(400_000) < 80 * max(min(seconds(25_000) for _ in range(3)), 0.002)


def test_secrets_may_come_and_go_while_others_are_looked_for(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        for number in range(2000):
            Secret(f"short lived {number}")
            assert redact.text("nothing here") == "nothing here"
