from typing import Any

import pytest

from glimpse.api.gateway import base_url
from glimpse.api.proxies import believe, client


@pytest.mark.parametrize(
    ("added", "base"),
    [
        ({}, "http://inner:9292"),
        ({"x-forwarded-proto": "https"}, "https://inner:9292"),
        ({"x-forwarded-proto": "HTTPS, http", "x-forwarded-host": "cloud:443, inner"}, "https://cloud:443"),
        ({"x-forwarded-proto": "javascript"}, "http://inner:9292"),
        ({"x-forwarded-prefix": "/image/"}, "http://inner:9292/image"),
        ({"forwarded": "for=10.0.0.1;proto=https;host=cloud, for=10.0.0.2;proto=http"}, "https://cloud"),
        ({"forwarded": 'Host="[2001:db8::1]:443";Proto=https'}, "https://[2001:db8::1]:443"),
        ({"forwarded": "for=10.0.0.1", "x-forwarded-proto": "https"}, "http://inner:9292"),
        ({"forwarded": "host=cloud", "x-forwarded-prefix": "/image"}, "http://cloud/image"),
        ({"forwarded": "nonsense"}, "http://inner:9292"),
        ({"forwarded": 'host="a,b";proto=https, host=c'}, "https://inner:9292"),
        ({"x-forwarded-host": 'cloud"><script>'}, "http://inner:9292"),
        ({"x-forwarded-host": "user@cloud"}, "http://inner:9292"),
        ({"x-forwarded-host": "cloud/path"}, "http://inner:9292"),
        ({"x-forwarded-prefix": "//evil.example/"}, "http://inner:9292/evil.example"),
        ({"x-forwarded-prefix": "/a?b"}, "http://inner:9292"),
        ({"x-forwarded-prefix": "/a//b"}, "http://inner:9292"),
    ],
)
def test_the_address_that_the_client_asked(added: dict[str, str], base: str) -> None:
    headers = {"host": "inner:9292", **added}
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope: dict[str, Any] = {"scheme": "http", "headers": pairs}
    believe(scope, headers)
    assert base_url(None, scope, headers) == base
    # What comes later reads the scope.
    assert dict(scope["headers"])[b"host"].decode() == headers["host"]
    assert base_url("https://fixed/", scope, headers) == "https://fixed"


@pytest.mark.parametrize(
    ("added", "address"),
    [
        ({}, "198.51.100.1"),
        ({"x-forwarded-for": "192.0.2.7"}, "192.0.2.7"),
        ({"x-forwarded-for": "10.0.0.1, 192.0.2.7"}, "192.0.2.7"),
        ({"x-forwarded-for": "192.0.2.7:4711"}, "192.0.2.7"),
        ({"x-forwarded-for": "2001:DB8::1"}, "2001:db8::1"),
        ({"x-forwarded-for": "somebody"}, "198.51.100.1"),
        ({"forwarded": "for=10.0.0.1;proto=https, for=192.0.2.7"}, "192.0.2.7"),
        ({"forwarded": 'For="[2001:db8::1]:4711"'}, "2001:db8::1"),
        ({"forwarded": "for=_hidden"}, "198.51.100.1"),
        ({"forwarded": "for=unknown, for=unknown"}, "198.51.100.1"),
        ({"forwarded": "proto=https", "x-forwarded-for": "192.0.2.7"}, "192.0.2.7"),
    ],
)
def test_the_address_that_the_nearest_proxy_was_asked_from(added: dict[str, str], address: str) -> None:
    scope: dict[str, Any] = {"scheme": "http", "headers": [], "client": ("198.51.100.1", 4711)}
    assert client(scope) == "198.51.100.1"
    believe(scope, dict(added))
    assert client(scope) == address
