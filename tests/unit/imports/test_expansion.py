"""Images that unpack to far more than they are: refused at ``max_expansion_ratio``, with nothing left behind."""

import re
import subprocess

import pytest

from glimpse.testing.httpserver import HttpServer, Reply
from tests.checks import check_queued
from tests.engine import Engine

MIB = 1 << 20
GIB = 1 << 30
# So many zeros for each byte that any ratio below a thousand is crossed at the GiB from which it counts.
BOMB = 160 * 64 * MIB


def bomb(size: int) -> bytes:
    """Zeros in gzip, as members of 64 MiB."""
    part = subprocess.run(["gzip", "-9", "-c"], input=bytes(64 * MIB), capture_output=True, check=True).stdout
    return part * (size // (64 * MIB))


def test_ten_gb_of_zeros_end_where_they_cross_and_leave_nothing(engine: Engine) -> None:
    image = engine.create("raw")
    before = engine.files()
    with HttpServer({"/bomb": Reply(bomb(BOMB))}) as server, engine.conducting():
        failed = engine.ended(engine.start(image, "web-download", uri=server.url("/bomb"), all_stores=True))
        engine.idle()
    assert failed.status == "failure"
    assert "max_expansion_ratio is 250" in failed.message
    assert failed.error is not None
    assert failed.error["code"] == "too-large"
    check_queued(engine, image.id)
    assert engine.files() == before
    unpacked = re.search(r"bytes have given (\d+) so far", failed.message)
    assert unpacked is not None
    assert GIB < int(unpacked[1]) < GIB + 4 * MIB


@pytest.mark.parametrize("engine", [{"glimpse.max_expansion_ratio": 0}], indirect=True)
def test_without_a_ratio_they_may_be_as_empty_as_they_like(engine: Engine) -> None:
    image = engine.create("raw")
    engine.stage(image, bomb(1152 * MIB))
    with engine.conducting():
        done = engine.ended(engine.start(image))
    assert done.status == "success", done.message
    assert engine.catalog.images.get(image.id).size == 1152 * MIB
