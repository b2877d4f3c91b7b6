"""openstacksdk, unmodified."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import openstack
import pytest
from openstack.image.v2._proxy import Proxy

from tests.integration.api.service import Api

DATA = os.urandom(2_000_000)


@pytest.fixture
def images(api: Api) -> Iterator[Proxy]:
    """The image service of a connection without authentication."""
    connection = openstack.connect(auth_type="none", image_endpoint_override=api.url, image_api_version="2")
    assert isinstance(connection.image, Proxy)
    yield connection.image
    connection.close()


def test_an_image_from_its_data_to_its_deletion(images: Proxy, tmp_path: Path) -> None:
    image = images.create_image("sdk", data=DATA, disk_format="raw", container_format="bare", wait=True)
    image = images.get_image(image)
    assert (image.status, image.size) == ("active", len(DATA))
    assert image.hash_value == hashlib.sha512(DATA).hexdigest()
    assert image.id in [found.id for found in images.images(name="sdk")]
    changed = images.update_image(image, name="renamed", colour="blue")
    assert (changed.name, changed.properties["colour"]) == ("renamed", "blue")
    copy = tmp_path / "copy"
    images.download_image(image, output=str(copy), stream=True)
    assert copy.read_bytes() == DATA
    images.delete_image(image)
    assert images.find_image(image.id) is None


def test_staging_and_the_start_of_an_import(images: Proxy) -> None:
    image = images.create_image("sdk import", disk_format="raw", container_format="bare")
    images.stage_image(image, data=DATA)
    assert images.get_image(image).status == "uploading"
    images.import_image(image, method="glance-direct")
    assert images.get_image(image).status == "importing"
    assert [store.id for store in images.stores()] == ["main", "mirror"]
    assert "glance-direct" in images.get_import_info().import_methods["value"]
    images.delete_image(image)
