"""What must hold of an image, its record and the files of the service when an import has ended."""

import hashlib
from pathlib import Path

from tests.engine import Engine


def stored(engine: Engine, image_id: str) -> list[bytes]:
    """What the stores hold of the image, in the order of its locations."""
    image = engine.catalog.images.get(image_id)
    return [Path(location.url.removeprefix("file://")).read_bytes() for location in image.locations]


def check_active(engine: Engine, image_id: str, raw: bytes, stores: int) -> None:
    image = engine.catalog.images.get(image_id)
    assert image.status == "active"
    assert image.import_id is None
    assert (image.size, image.virtual_size, image.disk_format) == (len(raw), len(raw), "raw")
    assert image.checksum == hashlib.md5(raw).hexdigest()
    assert image.os_hash_algo == "sha512"
    assert image.os_hash_value == hashlib.sha512(raw).hexdigest()
    assert stored(engine, image_id) == [raw] * stores
    assert image.properties["os_glance_importing_to_stores"] == ""
    assert image.properties["os_glance_failed_import"] == ""
    assert len(engine.files()) == stores, "nothing is left behind"


def check_queued(engine: Engine, image_id: str) -> None:
    image = engine.catalog.images.get(image_id)
    assert (image.status, image.size, image.import_id) == ("queued", None, None)
    assert image.locations == ()
    assert image.properties["os_glance_importing_to_stores"] == ""
    assert engine.files() == set()
