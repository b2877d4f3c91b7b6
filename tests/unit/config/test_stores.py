from collections.abc import Callable
from pathlib import Path

import pytest

from glimpse.config import Settings
from glimpse.config.options.stores import DRIVERS

Read = Callable[..., Settings]
Refusal = Callable[[str], str]

KNOWN = ", ".join(DRIVERS)
SEVERAL = "[DEFAULT]\nenabled_backends = a:file, b:file\n[glance_store]\ndefault_backend = b\n"


def test_one_store_in_the_older_way(read: Read, tmp_path: Path) -> None:
    settings = read(
        f"[DEFAULT]\nnode_staging_uri = file://{tmp_path}/staging/\n"
        f"[glance_store]\nstores = file,http\ndefault_store = file\nfilesystem_store_datadir ="
        f" {tmp_path}/images/\n"
    )
    store, web = settings.stores
    assert (store.id, store.type, settings.default_store) == ("file", "file", "file")
    assert (web.id, web.type) == ("http", "http")
    assert store.options["filesystem_store_datadir"] == tmp_path / "images"
    assert settings.staging_dir == tmp_path / "staging"
    assert not settings.multi_store
    assert settings.warnings == ()


@pytest.mark.parametrize(("stores", "types"), [("file", ["file"]), ("https,file", ["file", "http"])])
def test_the_store_of_web_addresses_stands_beside_only_where_it_is_named(
    read: Read, stores: str, types: list[str]
) -> None:
    settings = read(f"[glance_store]\nstores = {stores}\n")
    assert [store.type for store in settings.stores] == types


def test_a_store_of_web_addresses_is_told_what_may_be_fetched(read: Read, tmp_path: Path) -> None:
    settings = read(
        "[DEFAULT]\nenabled_backends = a:file, web:http\n[glance_store]\ndefault_backend = a\n"
        f"[web]\nhttps_ca_certificates_file = {tmp_path}/ca.pem\nhttps_insecure = true\nweight = -1\n"
        "[import_filtering_opts]\nallowed_hosts = mirror.example\nallowed_ports = 8080\n"
        "[glimpse]\nweb_stall_timeout = 7\n"
    )
    web = settings.stores[1]
    assert (web.id, web.type, web.weight) == ("web", "http", -1)
    assert web.options["https_ca_certificates_file"] == tmp_path / "ca.pem"
    assert web.options["https_insecure"] is True
    assert (web.options["allowed_hosts"], web.options["allowed_ports"]) == (("mirror.example",), (8080,))
    assert web.options["web_stall_timeout"] == 7.0


def test_what_is_not_placed_lies_under_data(read: Read, tmp_path: Path) -> None:
    settings = read("[DEFAULT]\n")
    assert settings.stores[0].options["filesystem_store_datadir"] == tmp_path / "data/stores/file"
    assert settings.staging_dir == tmp_path / "data/staging"
    assert settings.database.connection == f"sqlite:///{tmp_path}/data/glimpse.db"


def test_several_stores_keep_their_order_and_their_options(read: Read, tmp_path: Path) -> None:
    settings = read(
        SEVERAL + f"[a]\nfilesystem_store_datadir = {tmp_path}/a\nstore_description = First\nweight = 7\n"
        "filesystem_store_file_perm = 640\n"
        f"[os_glance_staging_store]\nfilesystem_store_datadir = {tmp_path}/st\n"
    )
    a, b = settings.stores
    assert (a.id, a.type, a.description, a.weight) == ("a", "file", "First", 7)
    assert a.options["filesystem_store_datadir"] == tmp_path / "a"
    assert a.options["filesystem_store_file_perm"] == "640"
    assert b.options["filesystem_store_datadir"] == tmp_path / "data/stores/b"
    assert settings.default_store == "b"
    assert settings.multi_store
    assert settings.staging_dir == tmp_path / "st"


def test_several_directories_are_handed_to_the_driver(read: Read) -> None:
    settings = read(
        "[glance_store]\nfilesystem_store_datadirs = /srv/a:200\nfilesystem_store_datadirs = /srv/b\n"
    )
    assert settings.stores[0].options["filesystem_store_datadirs"] == ("/srv/a:200", "/srv/b")
    assert settings.stores[0].options["filesystem_store_datadir"] is None


def test_the_section_of_a_store_that_is_not_enabled_does_no_harm(read: Read) -> None:
    settings = read(SEVERAL + "[ceph]\nrbd_store_pool = images\n")
    assert [store.id for store in settings.stores] == ["a", "b"]
    assert settings.warnings == ("these options mean nothing here and are ignored: [ceph]",)


@pytest.mark.parametrize(
    ("backends", "problem"),
    [
        ("a:file,c:tape", f"gives the store c the unknown type tape (known: {KNOWN})"),
        ("a:", f"gives the store a the unknown type nothing (known: {KNOWN})"),
        ("os_glance_x:file", "names os_glance_x: names that begin with os_glance_ are reserved"),
        ("task:file", "names task: a store cannot be called that, [task] means something else"),
        ("DEFAULT:file", "names DEFAULT: a store cannot be called that, [DEFAULT] means something else"),
        ("a b:file", "names 'a b': an id is made of letters, digits, dots, dashes and underscores"),
        ("a:file,A:file", "names A twice: ids that differ only in case share a section"),
    ],
)
def test_a_store_that_cannot_be_is_refused(refusal: Refusal, backends: str, problem: str) -> None:
    told = refusal(f"[DEFAULT]\nenabled_backends = {backends}\n[glance_store]\ndefault_backend = a\n")
    assert told == f"glance-api.conf:2: [DEFAULT] enabled_backends {problem}"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "[DEFAULT]\nenabled_backends = a:file,a:file\n",
            "glance-api.conf:2: [DEFAULT] enabled_backends = a:file,a:file: names a twice",
        ),
        (
            "[DEFAULT]\nenabled_backends = a:file, b:file\n",
            "glance-api.conf:2: [glance_store] default_backend is missing; it should be one of a, b",
        ),
        (
            "[DEFAULT]\nenabled_backends = a:file, b:file\n[glance_store]\ndefault_backend = c\n",
            "glance-api.conf:4: [glance_store] default_backend is c; it should be one of a, b",
        ),
        (
            SEVERAL
            + "[b]\nfilesystem_store_datadir = /srv/x\n[a]\nfilesystem_store_datadir = /srv/y/../x/\n",
            "glance-api.conf:6: [b] filesystem_store_datadir is /srv/x, which already belongs to the store a",
        ),
        (
            SEVERAL + "[a]\nfilesystem_store_datadir = /srv/x\n"
            "[os_glance_staging_store]\nfilesystem_store_datadir = /srv/x\n",
            "glance-api.conf:6: [a] filesystem_store_datadir is /srv/x, which already belongs to staging",
        ),
        (
            SEVERAL
            + "[a]\nfilesystem_store_datadirs = /srv/x:10\n[b]\nfilesystem_store_datadirs = /srv/x:20\n",
            "glance-api.conf:8: [b] filesystem_store_datadirs is /srv/x, which already belongs to"
            " the store a",
        ),
        (
            SEVERAL + "[a]\nfilesystem_store_datadir = /x\nfilesystem_store_datadirs = /y\n",
            "glance-api.conf:7: [a] filesystem_store_datadirs and filesystem_store_datadir exclude"
            " each other",
        ),
        (
            SEVERAL + "[a]\nweight = heavy\n",
            "glance-api.conf:6: [a] weight = heavy: should be a whole number",
        ),
        (
            "[DEFAULT]\nnode_staging_uri = /var/staging\n",
            "glance-api.conf:2: [DEFAULT] node_staging_uri should be a directory on this host, as"
            " file:///path",
        ),
        (
            "[DEFAULT]\nnode_staging_uri = file://staging\n",
            "glance-api.conf:2: [DEFAULT] node_staging_uri should be a directory on this host, as"
            " file:///path",
        ),
        (
            "[glance_store]\nstores = file,tape\n",
            f"glance-api.conf:2: [glance_store] stores names the unknown store tape (known: {KNOWN})",
        ),
        (
            "[glance_store]\ndefault_store = http\n",
            "glance-api.conf:2: [glance_store] default_store is http, which is read-only: new images need another",
        ),
        (
            "[DEFAULT]\nenabled_backends = web:http\n[glance_store]\ndefault_backend = web\n",
            "glance-api.conf:4: [glance_store] default_backend is web, which is read-only: new images need another",
        ),
        (
            "[glance_store]\nhttp_proxy_information = http:proxy.example:3128\n",
            "glance-api.conf:2: [glance_store] http_proxy_information names a proxy, but connections are always direct",
        ),
    ],
)
def test_stores_that_do_not_fit_together_are_refused(refusal: Refusal, text: str, problem: str) -> None:
    assert refusal(text) == problem


def test_a_directory_behind_a_link_is_the_same_directory(refusal: Refusal, tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "y").symlink_to(tmp_path / "x")
    told = refusal(
        SEVERAL + f"[a]\nfilesystem_store_datadir={tmp_path}/x\n[b]\nfilesystem_store_datadir={tmp_path}/y\n"
    )
    assert told.endswith("which already belongs to the store a")
