"""What a project may store in all bounds what an import may unpack and convert to."""

import gzip
import os
import subprocess
from pathlib import Path

import pytest

from tests.engine import Engine

MIB = 1 << 20
QUOTA = pytest.mark.parametrize("engine", [{"DEFAULT.user_storage_quota": 10 * MIB}], indirect=True)


def imported(engine: Engine, data: bytes, disk_format: str = "raw", *, all_stores: bool = False) -> str:
    """How the import of this data ends, and why."""
    image, before = engine.create(disk_format), engine.files()
    engine.stage(image, data)
    ended = engine.ended(engine.start(image, all_stores=all_stores))
    if ended.status == "failure":
        assert engine.catalog.images.get(image.id).status == "queued"
        assert engine.files() == before
    return f"{ended.status} {ended.message}"


@QUOTA
def test_what_is_unpacked_has_to_fit(engine: Engine) -> None:
    with engine.conducting():
        assert imported(engine, gzip.compress(bytes(11 * MIB))).startswith("failure")
        assert imported(engine, gzip.compress(bytes(9 * MIB))).startswith("success")
        full = imported(engine, gzip.compress(bytes(2 * MIB)))
        assert full.startswith("failure")
        assert str(MIB) in full
        assert imported(engine, os.urandom(MIB)).startswith("success")
        engine.idle()
        over = imported(engine, b"x")
        assert over.startswith("failure")
        assert "user_storage_quota" in over or "bytes already" in over


@QUOTA
def test_each_store_takes_its_part(engine: Engine) -> None:
    with engine.conducting():
        assert imported(engine, os.urandom(6 * MIB), all_stores=True).startswith("failure")
        assert imported(engine, os.urandom(5 * MIB), all_stores=True).startswith("success")


@QUOTA
def test_the_disk_inside_counts(engine: Engine, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "11M"], check=True)
    with engine.conducting():
        assert imported(engine, disk.read_bytes(), "qcow2").startswith("failure")
