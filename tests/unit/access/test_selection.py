"""From the flavor of a configuration to a kind of authentication."""

from pathlib import Path

import pytest

from glimpse.access.anonymous import OrAnonymous
from glimpse.access.http_basic import HttpBasic
from glimpse.access.keystone import Keystone
from glimpse.access.noauth import NoAuth
from glimpse.access.selection import authenticator_of, kind_of
from glimpse.config import Settings, load
from glimpse.errors import Invalid

STORES = "[DEFAULT]\nenabled_backends = a:file\n{}\n[glance_store]\ndefault_backend = a\n"


def settings(directory: Path, flavor: str | None, more: str = "", default: str = "") -> Settings:
    file = directory / "glance-api.conf"
    named = "" if flavor is None else f"[paste_deploy]\nflavor = {flavor}\n"
    file.write_text(STORES.format(default) + named + more)
    return load([file], (), directory)


@pytest.mark.parametrize(
    ("flavor", "kind"),
    [
        (None, "noauth"),
        ("", "noauth"),
        ("caching", "noauth"),
        ("cachemanagement", "noauth"),
        ("keystone", "keystone"),
        ("keystone+caching", "keystone"),
        ("keystone+cachemanagement", "keystone"),
        ("http_basic", "http_basic"),
        ("http_basic+caching", "http_basic"),
    ],
)
def test_flavors(tmp_path: Path, flavor: str | None, kind: str) -> None:
    assert kind_of(settings(tmp_path, flavor)) == kind


@pytest.mark.parametrize(
    "flavor",
    ["trusted-auth", "keystone+trusted-auth", "fakeauth", "Keystone", "keystone caching", "noauth", "basic"],
)
def test_what_is_not_known_never_becomes_no_authentication(tmp_path: Path, flavor: str) -> None:
    with pytest.raises(Invalid, match=r"\[paste_deploy\] flavor = .*: there is no "):
        kind_of(settings(tmp_path, flavor))


def test_two_kinds_are_one_too_many(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="not both"):
        kind_of(settings(tmp_path, "keystone+http_basic"))


def test_each_kind_is_made(tmp_path: Path) -> None:
    account = "[keystone_authtoken]\nauth_type = password\nauth_url = http://127.0.0.1:1/v3\n"
    (tmp_path / "htpasswd").write_text("")
    made = {
        flavor: authenticator_of(settings(tmp_path, flavor, account))
        for flavor in ("", "keystone", "http_basic")
    }
    assert [type(each) for each in made.values()] == [NoAuth, Keystone, HttpBasic]
    anonymous = authenticator_of(settings(tmp_path, "keystone", account, "allow_anonymous_access = true"))
    assert isinstance(anonymous, OrAnonymous)
    for each in (*made.values(), anonymous):
        each.close()


@pytest.mark.parametrize(
    ("account", "complaint"),
    [
        ("auth_type = passwort", "The plugin passwort could not be found"),
        ("auth_type = password", "auth_url"),
        (
            "auth_type = password\nauth_url = http://x\nmemcache_security_strategy = MAC",
            "memcache_secret_key",
        ),
        ("auth_type = password\nauth_url = http://x\nmemcache_pool_maxsize = many", "memcache_pool_maxsize"),
        ("auth_section = account\n[account]\nauth_type = password", "auth_url"),
    ],
)
def test_an_account_that_cannot_be_used_is_told(tmp_path: Path, account: str, complaint: str) -> None:
    told = settings(tmp_path, "keystone", f"[keystone_authtoken]\n{account}\n")
    assert told.warnings == ()
    with pytest.raises(Invalid, match=r"^\[keystone_authtoken\] cannot be used: ") as caught:
        authenticator_of(told)
    assert complaint in caught.value.message


def test_an_account_in_a_section_of_its_own(tmp_path: Path) -> None:
    told = settings(
        tmp_path,
        "keystone",
        "[keystone_authtoken]\nauth_section = account\n"
        "[account]\nauth_type = password\nauth_url = http://127.0.0.1:1\nusername = glance\n",
    )
    assert told.warnings == ()
    authenticator_of(told).close()
