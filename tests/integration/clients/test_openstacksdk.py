"""openstacksdk, unmodified."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import openstack
import pytest
from openstack import exceptions
from openstack.image.v2._proxy import Proxy
from openstack.image.v2.image import Image

from tests.integration.clients.conftest import DATA
from tests.integration.imports.service import Service

RAW: dict[str, Any] = {"disk_format": "raw", "container_format": "bare"}
Connect = Callable[[str], Proxy]


@pytest.fixture
def connect(service: Service) -> Iterator[Connect]:
    """Gives the image service as the user that a token names."""
    with ExitStack() as stack:

        def begin(token: str) -> Proxy:
            connection = openstack.connect(
                auth_type="admin_token",
                auth={"endpoint": service.url, "token": token},
                image_endpoint_override=service.url,
                image_api_version="2",
            )
            stack.callback(connection.close)
            assert isinstance(connection.image, Proxy)
            return connection.image

        yield begin


@pytest.fixture
def images(connect: Connect) -> Proxy:
    """The image service as a member of the project blue."""
    return connect("ann:blue:member")


def test_without_authentication(service: Service) -> None:
    connection = openstack.connect(
        auth_type="none", image_endpoint_override=service.url, image_api_version="2"
    )
    assert isinstance(connection.image, Proxy)
    assert {store.id for store in connection.image.stores()} == {"main", "mirror"}
    connection.close()


def test_an_image_from_its_data_to_its_deletion(images: Proxy, tmp_path: Path) -> None:
    image = images.create_image("sdk", data=DATA, wait=True, **RAW)
    image = images.get_image(image)
    assert (image.status, image.size, image.owner) == ("active", len(DATA), "blue")
    assert image.hash_value == hashlib.sha512(DATA).hexdigest()
    assert image.checksum == hashlib.md5(DATA).hexdigest()
    assert image.id in [found.id for found in images.images(name="sdk")]
    changed = images.update_image(image, name="renamed", colour="blue")
    assert (changed.name, changed.properties["colour"]) == ("renamed", "blue")
    copy = tmp_path / "copy"
    # Compares what comes with the checksum that it was promised.
    images.download_image(image, output=str(copy), stream=True)
    assert copy.read_bytes() == DATA
    images.delete_image(image)
    assert images.find_image(image.id) is None


# It leaves the file open.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_file_is_imported_by_glance_direct(images: Proxy, data: Path) -> None:
    image = images.create_image("sdk import", filename=str(data), use_import=True, **RAW)
    assert _imported(images, image).size == len(DATA)


def test_staging_and_import_one_after_the_other(images: Proxy, service: Service) -> None:
    image = images.create_image("sdk staged", **RAW)
    images.stage_image(image, data=DATA)
    assert images.get_image(image).status == "uploading"
    images.import_image(image, method="glance-direct", all_stores=True)
    service.ended(image.id)
    assert sorted(images.get_image(image).properties["stores"].split(",")) == ["main", "mirror"]
    assert [task.status for task in images.image_tasks(image)] == ["success"]


def test_an_address_is_imported_by_web_download(images: Proxy, service: Service, source: str) -> None:
    image = images.create_image("sdk web", **RAW)
    images.import_image(image, method="web-download", uri=source)
    assert _imported(images, image).size == len(DATA)


def test_an_import_into_one_store(images: Proxy, service: Service, source: str) -> None:
    """It names the store in the body and in a header as well."""
    image = images.create_image("sdk mirror", **RAW)
    images.import_image(image, method="web-download", uri=source, store="mirror")
    assert _imported(images, image).properties["stores"] == "mirror"


def test_lists_with_filters_and_order(images: Proxy) -> None:
    made = [
        images.create_image(name, tags=["sdk", *tags], **RAW)
        for name, tags in (("s-a", ["x", "y"]), ("s-b", ["x"]), ("s-c", []))
    ]

    def listed(**query: object) -> list[str]:
        return [image.name for image in images.images(**{"tag": "sdk", **query})]

    assert listed(sort="name:asc") == ["s-a", "s-b", "s-c"]
    assert listed(sort_key="name", sort_dir="desc", limit=1) == ["s-c", "s-b", "s-a"]
    assert listed(tag=["sdk", "x"], sort="name:asc") == ["s-a", "s-b"]
    assert listed(name="s-b") == ["s-b"]
    assert listed(id=f"in:{made[0].id},{made[2].id}", sort="name:asc") == ["s-a", "s-c"]
    assert listed(visibility="public") == []
    assert listed(status="active") == []


def test_discovery(images: Proxy, connect: Connect) -> None:
    assert [store.id for store in images.stores()] == ["main", "mirror"]
    assert "glance-direct" in images.get_import_info().import_methods["value"]
    detailed = connect("root:ops:admin").stores(details=True)
    assert [Path(store.properties["data_dir"]).name for store in detailed] == ["main", "mirror"]


def test_others_do_not_see_what_is_not_shared(images: Proxy, connect: Connect) -> None:
    image = images.create_image("sdk secret", **RAW)
    other = connect("zoe:green:member")
    with pytest.raises(exceptions.NotFoundException):
        other.get_image(image.id)
    assert "sdk secret" not in [found.name for found in other.images()]


def test_sharing(images: Proxy, connect: Connect) -> None:
    image = images.create_image("sdk shared", **RAW)
    other = connect("zoe:green:member")
    made = images.add_member(image, member_id="green")
    assert (made.member_id, made.status) == ("green", "pending")
    assert other.get_image(image.id).name == "sdk shared"
    assert image.id not in [found.id for found in other.images()]
    assert image.id in [found.id for found in other.images(member_status="pending")]
    other.update_member("green", image, status="accepted")
    assert image.id in [found.id for found in other.images()]
    assert [member.status for member in images.members(image)] == ["accepted"]
    assert images.get_member("green", image).status == "accepted"
    images.remove_member("green", image)
    assert list(images.members(image)) == []
    with pytest.raises(exceptions.NotFoundException):
        other.get_image(image.id)


def test_tags_and_deactivation(images: Proxy, connect: Connect, service: Service) -> None:
    image = images.get_image(service.active(DATA, name="sdk tagged", owner="blue"))
    images.add_tag(image, "nightly")
    assert images.get_image(image.id).tags == ["nightly"]
    images.remove_tag(image, "nightly")
    assert images.get_image(image.id).tags == []
    admin = connect("root:ops:admin")
    admin.deactivate_image(image.id)
    # It takes the refusal for the data, and sees that this is not what was promised.
    with pytest.raises(exceptions.InvalidResponse):
        images.download_image(image)
    admin.reactivate_image(image.id)
    assert images.download_image(image).content == DATA


def test_schemas(images: Proxy) -> None:
    assert images.get_image_schema().properties["os_hidden"]["type"] == "boolean"
    assert images.get_member_schema().name == "member"
    assert images.get_tasks_schema().name == "tasks"


def _imported(images: Proxy, image: Image) -> Image:
    """The image once it is active."""
    image = images.get_image(image)
    images.wait_for_status(image, "active", failures=["queued"], interval=0.1, wait=30)
    return images.get_image(image)
