"""Stores made from their configuration."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from glimpse.errors import Invalid
from glimpse.stores.memory import MemoryStore
from glimpse.stores.registry import Stores, build


@dataclass(frozen=True)
class Settings:
    id: str
    type: str = "memory"
    description: str = ""
    weight: int = 0
    options: Mapping[str, object] = field(default_factory=dict)


def file(id: str, directory: Path) -> Settings:
    return Settings(id, "file", options={"filesystem_store_datadir": directory})


def test_a_store_is_what_was_configured() -> None:
    store = build(Settings("fast", "memory", "Very fast", 7))
    assert isinstance(store, MemoryStore)
    assert (store.id, store.type, store.description, store.weight) == ("fast", "memory", "Very fast", 7)


def test_an_unknown_type_is_named() -> None:
    with pytest.raises(Invalid, match=r"Store 'tapes' is of the unknown type 'floppy'") as caught:
        build(Settings("tapes", "floppy"))
    assert "file" in caught.value.hint


def test_stores_come_by_weight_and_then_as_configured() -> None:
    settings = [Settings("a"), Settings("b", weight=5), Settings("c"), Settings("d", weight=9)]
    stores = Stores.from_settings(settings, "a")
    assert [store.id for store in stores] == ["d", "b", "a", "c"]
    assert len(stores) == 4
    assert stores.default.id == "a"


def test_stores_are_found_by_identifier() -> None:
    stores = Stores.from_settings([Settings("a"), Settings("b")], "a")
    assert stores.get("b").id == "b"
    assert "b" in stores
    assert "c" not in stores
    with pytest.raises(Invalid, match="There is no store 'c'"):
        stores.get("c")


def test_the_default_must_be_there() -> None:
    with pytest.raises(Invalid, match="default store 'b' is not configured"):
        Stores.from_settings([Settings("a")], "b")


def test_identifiers_are_unique() -> None:
    with pytest.raises(Invalid, match="same identifier"):
        Stores.from_settings([Settings("a"), Settings("a")], "a")


def test_a_check_makes_what_is_missing(tmp_path: Path) -> None:
    Stores.from_settings([file("a", tmp_path / "deep" / "a")], "a").check()
    assert (tmp_path / "deep" / "a").is_dir()


def test_a_check_names_all_that_is_wrong_at_once(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    wrong = [file("a", tmp_path / "plain"), file("b", tmp_path / "b"), file("c", tmp_path / "plain" / "c")]
    with pytest.raises(Invalid) as caught:
        Stores.from_settings(wrong, "b").check()
    assert "Store 'a'" in caught.value.message
    assert "Store 'c'" in caught.value.message
    assert "Store 'b'" not in caught.value.message


def test_two_stores_in_one_directory_are_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    stores = Stores.from_settings([file("a", tmp_path), file("b", tmp_path / "link")], "a")
    with pytest.raises(Invalid, match=f"Stores 'a' and 'b' share {tmp_path}"):
        stores.check()
