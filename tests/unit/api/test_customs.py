"""Properties of the operator's own."""

import json
from pathlib import Path

import pytest

from glimpse.api import creating, patching
from glimpse.api.customs import FILE, ImageSchema, read
from glimpse.api.jsonpatch import Change
from glimpse.api.views import ImageView
from glimpse.config import load
from glimpse.errors import Invalid
from tests.unit.api.records import MEMBER, image

PROPERTIES = {
    "kernel_id": {"type": ["null", "string"], "pattern": "^[0-9a-f]{8}$"},
    "cores": {"type": "integer", "minimum": 1},
    "signed": {"type": "boolean"},
    "os": {"enum": ["a", "b"], "type": "string"},
}


def schema(directory: Path, content: object) -> ImageSchema:
    (directory / FILE).write_text(json.dumps(content))
    configuration = directory / "glance-api.conf"
    configuration.write_text("[DEFAULT]\n")
    return ImageSchema.of(load([configuration], (), directory / "data"))


@pytest.mark.parametrize("content", [PROPERTIES, {"properties": PROPERTIES}])
def test_both_forms_of_the_file_describe_properties(tmp_path: Path, content: object) -> None:
    found = schema(tmp_path, content)
    assert found.custom == PROPERTIES.keys()
    assert found.properties["cores"] == {"type": "integer", "minimum": 1, "is_base": False}
    assert found.required == ()
    assert "name" in found.properties


def test_a_property_may_be_called_required(tmp_path: Path) -> None:
    assert schema(tmp_path, {"required": {"type": "string"}}).custom == {"required"}


def test_values_are_checked_stored_as_text_and_shown_as_they_were(tmp_path: Path) -> None:
    found = schema(tmp_path, PROPERTIES)
    body = {"kernel_id": None, "cores": 4, "signed": True, "os": "b", "other": "text"}
    new = creating.new_image(body, found, MEMBER)
    assert new.properties == {"kernel_id": None, "cores": "4", "signed": "true", "os": "b", "other": "text"}
    view = ImageView(False, False, False, {}, found)
    shown = view.render(image(properties=new.properties))
    assert {name: shown[name] for name in body} == body


def test_what_was_stored_before_it_was_described_is_shown_as_it_is(tmp_path: Path) -> None:
    found = schema(tmp_path, PROPERTIES)
    assert found.shown("cores", "many") == "many"
    assert found.shown("os", None) == ""
    assert found.shown("other", None) == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kernel_id", "x"), ("kernel_id", "01234567\n"), ("kernel_id", 1), ("cores", 0), ("cores", "4"),
        ("cores", True), ("signed", "true"), ("os", "c"), ("os", None), ("other", None), ("other", 1),
    ],
)  # fmt: skip
def test_values_that_do_not_fit_are_refused_by_both_doors(tmp_path: Path, name: str, value: object) -> None:
    found = schema(tmp_path, PROPERTIES)
    with pytest.raises(Invalid):
        creating.new_image({name: value}, found, MEMBER)
    with pytest.raises(Invalid):
        patching.check_changes([Change("add", (name,), value)], found)


def test_required_properties_are_there_from_the_beginning_and_stay(tmp_path: Path) -> None:
    found = schema(tmp_path, {"properties": PROPERTIES, "required": ["os"]})
    with pytest.raises(Invalid):
        creating.new_image({"name": "x"}, found, MEMBER)
    with pytest.raises(Invalid):
        patching.check_changes([Change("remove", ("os",))], found)
    assert creating.new_image({"os": "a"}, found, MEMBER).properties == {"os": "a"}
    patching.check_changes([Change("replace", ("os",), "b"), Change("remove", ("cores",))], found)


@pytest.mark.parametrize(
    "content",
    [
        [], {"name": {"type": "string"}}, {"deleted": {"type": "string"}}, {"x": 1}, {"x": {"type": "text"}},
        {"x": {"type": [1]}}, {"x": {"enum": 1}}, {"x": {"pattern": "("}}, {"x" * 256: {}},
        {"x": {"type": "array", "items": {"type": "thing"}}}, {"properties": []},
        {"properties": {}, "required": "x"},
    ],
)  # fmt: skip
def test_a_file_that_makes_no_sense_is_named(tmp_path: Path, content: object) -> None:
    with pytest.raises(Invalid, match=FILE):
        schema(tmp_path, content)


def test_a_file_that_is_no_json_is_named(tmp_path: Path) -> None:
    path = tmp_path / FILE
    path.write_text("{")
    with pytest.raises(Invalid, match=FILE):
        read(path)


@pytest.mark.parametrize("name", ["os_glance_import_task", "os_glance", "os_glanceX"])
def test_what_is_the_services_own_cannot_be_described(tmp_path: Path, name: str) -> None:
    with pytest.raises(Invalid, match=f"{FILE}: {name} cannot be described"):
        schema(tmp_path, {name: {"type": "string"}})
