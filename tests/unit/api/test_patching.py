"""What changes make of an image."""

import pytest

from glimpse.api.customs import ImageSchema
from glimpse.api.jsonpatch import Change
from glimpse.api.patching import Edit, check_changes, edit
from glimpse.api.schema import image_properties
from glimpse.errors import Conflict, Forbidden, GlimpseError, Invalid
from tests.unit.api.records import ADMIN, MEMBER, image

SCHEMA = ImageSchema(image_properties(["raw", "qcow2"], ["bare"]))


def add(name: str, value: object, *, strict: bool = False) -> Change:
    return Change("add", (name,), value, strict)


def replace(name: str, value: object) -> Change:
    return Change("replace", (name,), value)


def remove(name: str) -> Change:
    return Change("remove", (name,))


def test_only_what_is_named_is_written() -> None:
    made = edit(
        image(),
        [replace("name", "y"), add("size_hint", "big"), remove("colour"), replace("tags", ["b", "a", "b"])],
        MEMBER,
    )
    assert made == Edit({"name": "y"}, {"size_hint": "big"}, {"colour"}, ["a", "b"])


def test_changes_see_the_changes_before_them() -> None:
    assert edit(image(), [add("new", "1"), replace("new", "2"), remove("new")], MEMBER).properties == {}
    made = edit(image(), [remove("colour"), add("colour", "red")], MEMBER)
    assert (made.properties, made.removed) == ({"colour": "red"}, set())
    with pytest.raises(Conflict):
        edit(image(), [remove("colour"), replace("colour", "red")], MEMBER)


def test_adding_what_exists_overwrites_unless_strict() -> None:
    assert edit(image(), [add("colour", "red")], MEMBER).properties == {"colour": "red"}
    assert edit(image(), [add("name", "y")], MEMBER).attributes == {"name": "y"}
    for name in ("colour", "name"):
        with pytest.raises(Conflict):
            edit(image(), [add(name, "y", strict=True)], MEMBER)


def test_the_list_of_stores_is_not_a_property_whatever_clients_take_it_for() -> None:
    changes = [add("stores", "x"), remove("stores")]
    check_changes(changes, SCHEMA)
    assert edit(image(), changes, MEMBER) == Edit()
    with pytest.raises(Conflict):
        edit(image(), [replace("stores", "x")], MEMBER)


def test_no_tags_are_other_than_no_change() -> None:
    assert edit(image(), [], MEMBER) == Edit()
    assert edit(image(), [replace("tags", [])], MEMBER) == Edit(tags=[])


@pytest.mark.parametrize("change", [replace("absent", "x"), remove("absent")])
def test_what_is_not_there_cannot_be_replaced_or_removed(change: Change) -> None:
    with pytest.raises(Conflict):
        edit(image(), [change], MEMBER)


@pytest.mark.parametrize("name", ["name", "tags", "visibility", "disk_format", "protected"])
def test_base_attributes_cannot_be_removed(name: str) -> None:
    with pytest.raises(Forbidden):
        edit(image(), [remove(name)], MEMBER)


def test_only_an_admin_changes_the_owner() -> None:
    assert edit(image(), [replace("owner", "red")], ADMIN).attributes == {"owner": "red"}
    with pytest.raises(Forbidden):
        edit(image(), [replace("owner", "red")], MEMBER)


def test_formats_are_fixed_once_there_is_data() -> None:
    for status in ("queued", "importing"):
        assert edit(image(status=status), [replace("disk_format", "raw")], MEMBER).attributes
    for status in ("saving", "uploading", "active", "deactivated"):
        with pytest.raises(Forbidden):
            edit(image(status=status), [replace("disk_format", "raw")], MEMBER)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (replace("id", "x"), Forbidden),
        (replace("status", "active"), Forbidden),
        (replace("checksum", 5), Forbidden),
        (add("os_hash_value", "x"), Forbidden),
        (add("location", "x"), Forbidden),
        (add("deleted", "x"), Forbidden),
        (add("os_glance_import_task", "x"), Forbidden),
        (remove("os_glance_importing_to_stores"), Forbidden),
        (Change("add", ("locations", "-"), {}), Forbidden),
        (replace("name", 5), Invalid),
        (replace("name", "n" * 256), Invalid),
        (replace("visibility", "secret"), Invalid),
        (replace("visibility", None), Invalid),
        (replace("protected", "true"), Invalid),
        (replace("protected", 1), Invalid),
        (replace("min_ram", -1), Invalid),
        (replace("min_ram", 2**31), Invalid),
        (replace("min_ram", True), Invalid),
        (replace("min_disk", "5"), Invalid),
        (replace("disk_format", "floppy"), Invalid),
        (replace("tags", "x"), Invalid),
        (replace("tags", ["x" * 256]), Invalid),
        (replace("tags", [5]), Invalid),
        (add("colour", 5), Invalid),
        (add("colour", None), Invalid),
        (add("colour", "\U0001f427"), Invalid),
        (add("colour", "\x00"), Invalid),
        (add("c" * 256, "x"), Invalid),
    ],
)
def test_what_no_image_allows(change: Change, kind: type[GlimpseError]) -> None:
    with pytest.raises(kind):
        check_changes([change], SCHEMA)


def test_what_an_image_may_allow() -> None:
    check_changes(
        [
            replace("name", None), replace("visibility", "public"), replace("owner", None), replace("min_ram", 2**31 - 1),
            replace("tags", []), add("c" * 255, ""), replace("disk_format", None), remove("anything"),
        ],
        SCHEMA,
    )  # fmt: skip
