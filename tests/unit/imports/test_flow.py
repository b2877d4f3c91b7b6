import pytest

from glimpse.testing.httpserver import HttpServer, Reply
from tests.checks import check_active
from tests.engine import Disk, Engine


@pytest.mark.parametrize(
    ("form", "disk_format", "stores"),
    [("raw", "raw", 1), ("raw", "raw", 2), ("qcow2", "qcow2", 1), ("packed", "qcow2", 2)],
)
def test_staged_data_becomes_an_active_image(
    engine: Engine, disk: Disk, form: str, disk_format: str, stores: int
) -> None:
    image = engine.create(disk_format)
    engine.stage(image, getattr(disk, form))
    record = engine.start(image, all_stores=stores > 1)
    with engine.conducting():
        assert engine.ended(record).status == "success", engine.catalog.imports.get(record.id).error
    check_active(engine, image.id, disk.raw, stores)


@pytest.mark.parametrize(("form", "disk_format"), [("raw", "raw"), ("qcow2", "qcow2"), ("packed", "qcow2")])
def test_a_download_becomes_an_active_image(engine: Engine, disk: Disk, form: str, disk_format: str) -> None:
    image = engine.create(disk_format)
    with HttpServer({"/image": Reply(getattr(disk, form))}) as server:
        record = engine.start(image, "web-download", uri=server.url("/image"), all_stores=True)
        with engine.conducting():
            assert engine.ended(record).status == "success", engine.catalog.imports.get(record.id).error
    check_active(engine, image.id, disk.raw, 2)


def test_each_phase_says_how_many_bytes_it_has_seen(engine: Engine, disk: Disk) -> None:
    image = engine.create("qcow2")
    engine.stage(image, disk.packed)
    record = engine.start(image)
    with engine.conducting():
        phases = {phase.name: phase for phase in engine.ended(record).phases}
    assert phases["acquire"].done == len(disk.packed)
    assert phases["image_decompression"].done == len(disk.qcow2)
    assert phases["image_conversion"].done == len(disk.raw)
    assert phases["deliver"].done == len(disk.raw)
    assert all(phase.state == "done" and phase.finished_at for phase in phases.values())
