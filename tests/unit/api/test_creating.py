"""Bodies of create requests."""

import pytest

from glimpse.api.creating import new_image
from glimpse.api.customs import ImageSchema
from glimpse.api.schema import image_properties
from glimpse.catalog.records import NewImage
from glimpse.errors import Forbidden, GlimpseError, Invalid
from tests.unit.api.records import ADMIN, ID, MEMBER

SCHEMA = ImageSchema(image_properties(["raw", "qcow2"], ["bare"]))


def test_an_empty_body_makes_an_image_of_the_callers_project() -> None:
    assert new_image({}, SCHEMA, MEMBER) == NewImage(owner="blue")
    assert new_image({}, SCHEMA, ADMIN).owner is None


def test_everything_that_can_be_said() -> None:
    body = {
        "id": ID, "name": "n", "visibility": "private", "protected": True, "os_hidden": True, "owner": "red",
        "disk_format": "raw", "container_format": "bare", "min_disk": 1, "min_ram": 2, "tags": ["b", "a", "b"],
        "colour": "blue",
    }  # fmt: skip
    assert new_image(body, SCHEMA, MEMBER) == NewImage(
        id=ID,
        name="n",
        visibility="private",
        protected=True,
        os_hidden=True,
        owner="red",
        disk_format="raw",
        container_format="bare",
        min_disk=1,
        min_ram=2,
        tags=("a", "b"),
        properties={"colour": "blue"},
    )


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"direct_url": "x", "name": 5}, Forbidden),
        ({"self": "x"}, Forbidden),
        ({"file": "x"}, Forbidden),
        ({"schema": "x"}, Forbidden),
        ({"stores": "x"}, Forbidden),
        ({"os_hash_value": "x"}, Forbidden),
        ({"status": "active"}, Forbidden),
        ({"status": "nonsense"}, Invalid),
        ({"size": 5}, Forbidden),
        ({"size": "5"}, Invalid),
        ({"checksum": 5}, Invalid),
        ({"location": "x"}, Forbidden),
        ({"deleted": "x"}, Forbidden),
        ({"deleted": True}, Invalid),
        ({"locations": []}, Forbidden),
        ({"os_glance_import_task": "x"}, Forbidden),
        ({"id": "x"}, Invalid),
        ({"id": ID + "0"}, Invalid),
        ({"id": None}, Invalid),
        ({"name": []}, Invalid),
        ({"colour": 5}, Invalid),
        ({"colour": {}}, Invalid),
        ({"": "x"}, Invalid),
        ({"c" * 256: "x"}, Invalid),
        ({"disk_format": "floppy"}, Invalid),
        ({"tags": {}}, Invalid),
    ],
)
def test_what_is_refused(body: dict[str, object], kind: type[GlimpseError]) -> None:
    with pytest.raises(kind):
        new_image(body, SCHEMA, MEMBER)
