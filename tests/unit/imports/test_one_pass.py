"""Each byte is hashed once however many stores there are, and zeros are written into none of them."""

import gzip
import os
from pathlib import Path

import pytest

from glimpse.access.signature import Signature, said
from glimpse.testing.httpserver import HttpServer, Reply
from tests.checks import check_active
from tests.engine import ADMIN, Disk, Engine
from tests.hashing import Hashing
from tests.signing import signer

MIB = 1 << 20
BLOCK = 64 * 1024
THREE = {
    "DEFAULT.enabled_backends": {"one": "file", "two": "file", "three": "file"},
    "glance_store.default_backend": "one",
}
THREE_STORES = pytest.mark.parametrize("engine", [THREE], indirect=True, ids=["three stores"])


def combed(size: int) -> bytes:
    """Blocks of 64 KiB, of which every other one is zeros: the finest that must be found."""
    return b"".join(os.urandom(BLOCK) + bytes(BLOCK) for _ in range(size // (2 * BLOCK)))


@THREE_STORES
@pytest.mark.parametrize("packed", [False, True], ids=["raw", "raw in gzip"])
def test_an_image_from_the_web_is_hashed_once_for_three_stores(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, packed: bool
) -> None:
    raw = combed(16 * MIB)
    hashing = Hashing(monkeypatch)
    # In one thread for both algorithms neither would ever get beyond its first bytes.
    hashing.meet(2)
    image = engine.create("raw")
    with (
        HttpServer({"/image": Reply(gzip.compress(raw, 1) if packed else raw)}) as server,
        engine.conducting(),
    ):
        done = engine.ended(engine.start(image, "web-download", uri=server.url("/image"), all_stores=True))
    assert done.status == "success", done.message
    assert not hashing.failed
    assert hashing.bytes == {"md5": len(raw), "sha512": len(raw)}
    monkeypatch.undo()
    check_active(engine, image.id, raw, 3)


@THREE_STORES
def test_a_converted_image_is_hashed_once_for_three_stores(
    engine: Engine, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashing = Hashing(monkeypatch)
    image = engine.create("qcow2")
    with HttpServer({"/image": Reply(disk.packed)}) as server, engine.conducting():
        done = engine.ended(engine.start(image, "web-download", uri=server.url("/image"), all_stores=True))
    assert done.status == "success", done.message
    assert hashing.bytes == {"md5": len(disk.raw), "sha512": len(disk.raw)}
    monkeypatch.undo()
    check_active(engine, image.id, disk.raw, 3)


@THREE_STORES
@pytest.mark.parametrize("method", ["SHA-256", "SHA-512"])
def test_a_signed_image_is_hashed_for_it_in_the_same_pass(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, method: str
) -> None:
    raw, by = combed(16 * MIB), signer(tmp_path)
    found = said(by.properties(raw, method))
    assert found is not None
    hashing = Hashing(monkeypatch)
    image = engine.create("raw")
    with HttpServer({"/image": Reply(raw)}) as server, engine.conducting():
        asked = {"method": {"name": "web-download", "uri": server.url("/image")}, "all_stores": True}
        record = engine.service.start(image, asked, None, ADMIN, Signature(found, by.certificate))
        done = engine.ended(record)
    assert done.status == "success", done.message
    # SHA-512 is computed anyway.
    wanted = {"md5", "sha512", method.replace("-", "").lower()}
    assert hashing.bytes == dict.fromkeys(wanted, len(raw))


@THREE_STORES
@pytest.mark.parametrize("packed", [False, True], ids=["raw", "raw in gzip"])
def test_zeros_of_64_kib_are_holes_in_each_of_three_stores(engine: Engine, packed: bool) -> None:
    raw = combed(16 * MIB) + bytes(200 * MIB)
    image = engine.create("raw")
    with (
        HttpServer({"/image": Reply(gzip.compress(raw, 1) if packed else raw)}) as server,
        engine.conducting(),
    ):
        done = engine.ended(engine.start(image, "web-download", uri=server.url("/image"), all_stores=True))
    assert done.status == "success", done.message
    for location in engine.catalog.images.get(image.id).locations:
        status = Path(location.url.removeprefix("file://")).stat()
        assert status.st_size == len(raw)
        assert 8 * MIB <= status.st_blocks * 512 <= 8 * MIB + 256 * 1024
