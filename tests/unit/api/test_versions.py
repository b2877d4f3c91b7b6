"""The versions document, entry by entry as in the specification."""

import pytest

from glimpse.api.versions import Versions

OLD = ["2.7", "2.6", "2.5", "2.4", "2.3", "2.2", "2.1", "2.0"]


@pytest.mark.parametrize(
    ("multi_store", "cache", "offered", "current"),
    [
        (
            True,
            True,
            ["2.18", "2.17", "2.16", "2.15", "2.14", "2.13", "2.12", "2.11", "2.10", "2.9", "2.8"],
            "2.18",
        ),
        (False, True, ["2.18", "2.17", "2.16", "2.15", "2.14", "2.9"], "2.18"),
        (True, False, ["2.15", "2.13", "2.12", "2.11", "2.10", "2.9", "2.8", "2.17"], "2.17"),
        (False, False, ["2.15", "2.9", "2.17"], "2.17"),
    ],
)
def test_the_list_follows_the_configuration(
    multi_store: bool, cache: bool, offered: list[str], current: str
) -> None:
    document = Versions.of(multi_store=multi_store, cache=cache, imports=True).document("http://x")
    entries = document["versions"]
    assert isinstance(entries, list)
    assert [entry["id"] for entry in entries] == [f"v{minor}" for minor in offered + OLD]
    assert [entry["id"] for entry in entries if entry["status"] == "CURRENT"] == [f"v{current}"]
    assert {entry["status"] for entry in entries} == {"CURRENT", "SUPPORTED"}
    assert all(entry["links"] == [{"rel": "self", "href": "http://x/v2/"}] for entry in entries)


def test_without_imports_it_ends_before_the_version_that_brought_them() -> None:
    versions = Versions.of(multi_store=True, cache=False, imports=False)
    assert versions.offered == ("2.5", "2.4", "2.3", "2.2", "2.1", "2.0")
    assert versions.current == "2.5"
    assert "v2.6" not in versions.prefixes()


def test_prefixes_are_the_versions_offered_and_plain_v2() -> None:
    prefixes = Versions.of(multi_store=False, cache=False, imports=True).prefixes()
    assert "v2" in prefixes
    assert "v2.17" in prefixes
    assert "v2.8" not in prefixes
    assert "v1" not in prefixes


@pytest.mark.parametrize(
    ("accept", "selects"),
    [
        ("application/vnd.openstack.images-v2", True),
        ("application/vnd.openstack.images-v2.15", True),
        ("application/vnd.openstack.images-v2.15+json; q=1", True),
        ("application/vnd.openstack.images-v1", False),
        ("application/vnd.openstack.images-v2.99", False),
        ("application/json", False),
        ("", False),
    ],
)
def test_a_media_type_may_select_a_version(accept: str, selects: bool) -> None:
    assert Versions.of(multi_store=True, cache=False, imports=True).of_media_type(accept) is selects
