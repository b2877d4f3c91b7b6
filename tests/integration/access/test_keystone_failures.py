"""A Keystone that dies, comes back, and lets tokens expire; and what memcached remembers meanwhile."""

import signal
from collections.abc import Iterator

import pytest

from tests.integration.access.conftest import Start
from tests.integration.api.service import Api, auth
from tests.servers.identity import Identity
from tests.servers.keystone import Keystone, authtoken
from tests.servers.memcached import Memcached

# Nobody wants to wait for what is known to be down.
IMPATIENT = {"http_request_max_retries": 0, "http_connect_timeout": 5}
EXPIRATION = 4


@pytest.fixture
def keystone() -> Iterator[Keystone]:
    """One of its own, to be hurt."""
    with Keystone() as server:
        yield server


def listing(api: Api, token: str, **headers: str) -> int:
    return api.http.get("/v2/images", headers={**auth(token), **headers}).status_code


def test_keystone_dies_and_comes_back(keystone: Keystone, start: Start) -> None:
    identity = Identity(keystone.url())
    old, new, service = identity.token("ann"), identity.token("ann"), identity.token("nova")
    with Memcached() as memcached:
        section = authtoken(keystone.url(), memcached_servers=f"[{memcached.url()}]", **IMPATIENT)
        api = start("keystone", section)
        assert listing(api, old) == 200
        assert memcached.statistics()["curr_items"] == 1
        keystone.stop(signal.SIGKILL)

        answer = api.http.get("/v2/images", headers=auth(new))
        assert (answer.status_code, "www-authenticate" in answer.headers) == (503, False)
        assert "Keystone" in answer.text
        assert listing(api, "nonsense") == 503
        assert listing(api, old, X_Service_Token=service) == 200, "an unknown name with underscores"
        assert listing(api, old, **{"X-Service-Token": service}) == 503
        assert api.http.get("/v2/images").status_code == 401
        # Who is anonymous is decided by what Keystone says, not by its silence.
        anonymous = start("keystone", section, "allow_anonymous_access = true", name="anonymous")
        assert listing(anonymous, new) == 503
        # Another process of the service knows what the first has learnt.
        hits = memcached.statistics()["get_hits"]
        assert listing(anonymous, old) == 200
        assert memcached.statistics()["get_hits"] == hits + 1

        keystone.configure(EXPIRATION)
        keystone.start()
        for token in (old, new):
            assert listing(api, token) == 200
        assert listing(api, old, **{"X-Service-Token": service}) == 200
        assert listing(api, "nonsense") == 401

        operator = identity.as_user("admin")
        brief = identity.token("ann")
        assert operator.is_valid(brief)
        assert listing(api, brief) == 200
        # Remembered or not, it ends when it ends; a service may still finish what was begun with it.
        api.wait(lambda: not Identity(keystone.url(), service).is_valid(brief), 20)
        assert listing(api, brief) == 401
        assert listing(api, brief, **{"X-Service-Token": service}) == 200
        assert listing(api, brief) == 401

        memcached.stop(signal.SIGKILL)
        assert listing(api, identity.token("zoe")) == 200
