"""What is known of staged files."""

from dataclasses import replace

import pytest

from glimpse.catalog import Catalog
from glimpse.catalog.records import Image, NewImage, StagedFile
from tests.unit.catalog.scenes import LEASE, staged_file


def stage(catalog: Catalog, file: StagedFile) -> None:
    claim = catalog.images.begin_upload(file.image_id, "stage", None, "api-1", LEASE)
    catalog.uploads.complete_stage(claim, file)


@pytest.mark.parametrize("number", [0, 2**31, 2**63 - 1, 2**63, 2**64 - 1])
def test_everything_found_is_kept_also_large_inode_numbers(
    catalog: Catalog, image: Image, number: int
) -> None:
    file = replace(
        staged_file(image.id),
        inode=number,
        device=number,
        digests={"md5": "a", "sha512": "b"},
        format="qcow2",
        virtual_size=2**41,
        refusal="has a backing file",
        wrapper="gzip",
    )
    stage(catalog, file)
    assert catalog.staged.get(image.id) == file


def test_each_host_knows_its_own(catalog: Catalog) -> None:
    here, there = (catalog.images.create(NewImage()).id for _ in range(2))
    stage(catalog, staged_file(here, "here"))
    stage(catalog, staged_file(there, "there"))
    assert catalog.staged.ids("here") == {here}
    assert catalog.staged.ids("nowhere") == set()


def test_removing_is_harmless_when_repeated(catalog: Catalog, image: Image) -> None:
    stage(catalog, staged_file(image.id))
    catalog.staged.remove(image.id)
    catalog.staged.remove(image.id)
    assert catalog.staged.get(image.id) is None
