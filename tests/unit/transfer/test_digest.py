import hashlib
import os
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from glimpse.errors import Cancelled, GlimpseError, Invalid
from glimpse.transfer.digest import MAX_BYTES, Digests
from glimpse.transfer.extent import Extent
from tests.hashing import Hashing
from tests.unit.transfer.helpers import DEADLINE, MIB, SOON, data_extents, threads


@pytest.fixture
def hashing(monkeypatch: pytest.MonkeyPatch) -> Hashing:
    return Hashing(monkeypatch)


def test_digests_are_those_of_the_plain_tools(tmp_path: Path) -> None:
    data = os.urandom(5 * MIB + 3)
    path = tmp_path / "data"
    path.write_bytes(data)
    digests = Digests(["md5", "sha512"])
    for extent in data_extents(data):
        digests.update(extent)
    found = digests.result()
    for name, value in found.items():
        said = subprocess.run([f"{name}sum", path], capture_output=True, text=True, check=True).stdout
        assert value == said.split()[0]
    assert threads() == []


def test_each_algorithm_works_in_a_thread_of_its_own(hashing: Hashing) -> None:
    # Each waits in its first update until the other has come to it too: one thread for both would wait for ever.
    hashing.meet(2)
    digests = Digests(["md5", "sha512"])
    for extent in data_extents(bytes(range(256)) * 40_000):
        digests.update(extent)
    digests.result()
    assert not hashing.failed
    by_algorithm = [hashing.threads[name] for name in ("md5", "sha512")]
    assert all(len(idents) == 1 and threading.get_ident() not in idents for idents in by_algorithm)
    assert by_algorithm[0] != by_algorithm[1]


def test_zeros_count_as_bytes() -> None:
    digests = Digests(["sha256"])
    digests.update(Extent(0, 3, b"abc"))
    digests.update(Extent(3, 3 * MIB + 1, None))
    digests.feed(memoryview(b"def"))
    assert digests.result() == {"sha256": hashlib.sha256(b"abc" + bytes(3 * MIB + 1) + b"def").hexdigest()}


def test_nothing_has_the_digests_of_nothing() -> None:
    assert Digests(["md5", "sha512"]).result() == {
        "md5": hashlib.md5(b"").hexdigest(),
        "sha512": hashlib.sha512(b"").hexdigest(),
    }


def test_no_algorithm_no_thread() -> None:
    digests = Digests([])
    digests.feed(b"x")
    assert threads() == []
    assert digests.result() == {}


def test_an_algorithm_named_twice_is_computed_once() -> None:
    digests = Digests(["md5", "md5"])
    digests.feed(b"x")
    assert digests.result() == {"md5": hashlib.md5(b"x").hexdigest()}


@pytest.mark.parametrize("name", ["sha513", "shake_128", ""])
def test_an_algorithm_that_cannot_be_used_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match="algorithm"):
        Digests(["md5", name])
    assert threads() == []


def test_a_workers_error_surfaces() -> None:
    digests = Digests(["md5"])
    # A buffer with strides cannot be hashed: hashlib raises in the worker.
    digests.feed(memoryview(bytes(10))[::2])
    with pytest.raises(GlimpseError, match=r"computing the md5 digest.*contiguous"):
        digests.result()
    assert threads() == []


def feed_until_it_raises(digests: Digests) -> None:
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        digests.feed(b"more")


def test_a_workers_error_ends_a_producer_that_goes_on() -> None:
    digests = Digests(["md5"])
    digests.feed(memoryview(bytes(10))[::2])
    with pytest.raises(GlimpseError, match="computing the md5 digest"):
        feed_until_it_raises(digests)
    digests.close()
    assert threads() == []


def test_a_long_run_of_zeros_can_be_abandoned() -> None:
    digests = Digests(["md5"])
    digests.update(Extent(0, 1 << 50, None))
    begin = time.monotonic()
    digests.close()
    assert time.monotonic() - begin < SOON
    assert threads() == []
    with pytest.raises(Cancelled):
        digests.result()
    digests.close()


def test_what_waits_is_bounded_and_the_rest_waits_outside() -> None:
    gate = threading.Event()
    taken = 0
    with ThreadPoolExecutor(1) as pool:
        pool.submit(gate.wait, DEADLINE)
        digests = Digests(["md5"], pool=pool)

        def produce() -> None:
            nonlocal taken
            for _ in range(100):
                digests.feed(bytes(MIB))
                taken += 1

        thread = threading.Thread(target=produce)
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()
        assert taken <= MAX_BYTES // MIB
        gate.set()
        thread.join(DEADLINE)
        assert digests.result() == {"md5": hashlib.md5(bytes(100 * MIB)).hexdigest()}


def test_many_streams_share_the_threads_of_a_pool() -> None:
    with ThreadPoolExecutor(2, thread_name_prefix="shared") as pool:
        streams = [Digests(["md5", "sha256"], pool=pool) for _ in range(50)]
        for part in range(20):
            for number, digests in enumerate(streams):
                digests.feed(bytes([number, part]) * 1000)
        assert threads() == []
        for number, digests in enumerate(streams):
            content = b"".join(bytes([number, part]) * 1000 for part in range(20))
            assert digests.result()["sha256"] == hashlib.sha256(content).hexdigest()
