"""The cleaner, with a real catalog."""

import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from glimpse.catalog import Catalog, Database
from glimpse.catalog.records import Image, NewImage, NewImport, NewLocation, StagedFile
from glimpse.staging.area import Area
from glimpse.staging.cleaner import Cleaner

GRACE = 60.0
LEASE = 10.0


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    db = Database(f"sqlite:///{tmp_path}/glimpse.db")
    db.upgrade()
    yield Catalog(db)
    db.close()


@pytest.fixture
def area(tmp_path: Path) -> Area:
    area = Area(tmp_path / "staging")
    area.check()
    return area


@pytest.fixture
def cleaner(area: Area, catalog: Catalog) -> Cleaner:
    return Cleaner(area, catalog, grace=GRACE)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cleaner runs when every file is older than its grace; inodes' own times cannot be set back."""
    now = time.time
    monkeypatch.setattr("glimpse.staging.cleaner.time.time", lambda: now() + GRACE + 1)


@pytest.fixture
def image(catalog: Catalog) -> Image:
    return catalog.images.create(NewImage(disk_format="raw", container_format="bare"))


def new_import(image: Image, method: str) -> NewImport:
    return NewImport(image.id, method, {"method": {"name": method}}, ("main",))


def stage(area: Area, catalog: Catalog, image: Image) -> Path:
    claim = catalog.images.begin_upload(image.id, "stage", None, "api-1", LEASE)
    writer = area.create(image.id, claim.claim)
    writer.write(b"data")
    file = writer.commit()
    catalog.uploads.complete_stage(
        claim,
        StagedFile(image.id, "here", str(file.path), file.device, file.inode, file.length, file.modified_ns),
    )
    return file.path


def names(area: Area) -> list[str]:
    return sorted(path.name for path in area.directory.iterdir())


@pytest.mark.usefixtures("later")
def test_files_of_an_image_that_never_was_are_removed(area: Area, cleaner: Cleaner) -> None:
    unknown = "00000000-0000-4000-8000-000000000000"
    for name in (unknown, f"{unknown}.1.part", f"{unknown}.2.spool", f"{unknown}.uc", f"{unknown}.raw"):
        (area.directory / name).touch()
    assert len(cleaner.run_once()) == 5
    assert names(area) == []


@pytest.mark.usefixtures("later")
def test_files_of_a_deleted_image_are_removed(
    area: Area, catalog: Catalog, cleaner: Cleaner, image: Image
) -> None:
    path = stage(area, catalog, image)
    catalog.images.delete(image.id, None)
    assert cleaner.run_once() == [path]


@pytest.mark.usefixtures("later")
def test_files_of_a_queued_image_are_removed(area: Area, cleaner: Cleaner, image: Image) -> None:
    area.create(image.id, 1).write(b"left by an upload that died")
    assert len(cleaner.run_once()) == 1
    assert names(area) == []


@pytest.mark.usefixtures("later")
def test_a_running_upload_is_left_alone(area: Area, catalog: Catalog, cleaner: Cleaner, image: Image) -> None:
    claim = catalog.images.begin_upload(image.id, "stage", None, "api-1", LEASE)
    writer = area.create(image.id, claim.claim)
    assert cleaner.run_once() == []
    writer.commit()


@pytest.mark.usefixtures("later")
def test_staged_data_is_left_alone(area: Area, catalog: Catalog, cleaner: Cleaner, image: Image) -> None:
    path = stage(area, catalog, image)
    assert cleaner.run_once() == []
    assert path.exists()


@pytest.mark.usefixtures("later")
def test_a_running_import_keeps_its_files_and_an_ended_one_does_not(
    area: Area, catalog: Catalog, cleaner: Cleaner, image: Image
) -> None:
    record = catalog.imports.begin(new_import(image, "web-download"), {"queued"})
    claimed = catalog.imports.claim(record.id, "conductor-1", LEASE)
    spool = area.spool_path(image.id, claimed.claim)
    spool.touch()
    assert cleaner.run_once() == []
    catalog.imports.fail(record.id, claimed.claim, error={"message": "no"}, message="no")
    assert cleaner.run_once() == [spool]


@pytest.mark.usefixtures("later")
def test_an_import_of_an_active_image_keeps_its_files(
    area: Area, catalog: Catalog, cleaner: Cleaner, image: Image
) -> None:
    claim = catalog.images.begin_upload(image.id, "file", "main", "api-1", LEASE)
    location = NewLocation("file:///images/x", "main")
    catalog.uploads.complete_file(claim, location, 1, None, "c" * 32, "sha512", "d" * 128)
    catalog.imports.begin(new_import(image, "copy-image"), {"active"})
    assert catalog.images.get(image.id).status == "active"
    area.spool_path(image.id, claim.claim + 1).touch()
    assert cleaner.run_once() == []


def test_young_files_are_left_alone(area: Area, cleaner: Cleaner, image: Image) -> None:
    young = area.directory / image.id
    young.touch()
    os.utime(young, (0, 0))
    assert cleaner.run_once() == [], "a copied file may have an old time; the inode's own is what counts"


@pytest.mark.usefixtures("later")
def test_what_is_not_an_images_is_left_alone(area: Area, cleaner: Cleaner, image: Image) -> None:
    (area.directory / "lost+found").mkdir()
    (area.directory / "notes.txt").touch()
    (area.directory / f"{image.id}.directory").mkdir()
    (area.directory / f"x{image.id}").touch()
    assert cleaner.run_once() == []
    assert len(names(area)) == 4


def test_an_area_that_is_not_there_yet_is_clean(tmp_path: Path, catalog: Catalog) -> None:
    assert Cleaner(Area(tmp_path / "nowhere"), catalog).run_once() == []


@pytest.mark.usefixtures("later")
def test_what_is_removed_is_told(
    area: Area, cleaner: Cleaner, image: Image, caplog: pytest.LogCaptureFixture
) -> None:
    (area.directory / image.id).touch()
    with caplog.at_level(logging.INFO):
        cleaner.run_once()
    assert image.id in caplog.text
