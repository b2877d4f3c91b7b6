"""The small disk is real and goes away, whoever makes it."""

import errno
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from glimpse.testing.smalldisk import small_disk

MIB = 1 << 20


@pytest.fixture(params=[False, True], ids=["mounted by root", "in a user namespace"])
def disk(request: pytest.FixtureRequest) -> AbstractContextManager[Path]:
    if not request.param and os.geteuid() != 0:
        pytest.skip("only root mounts")
    return requires(small_disk(2 * MIB, namespace=request.param))


@contextmanager
def requires(disk: AbstractContextManager[Path]) -> Iterator[Path]:
    """Skip where the system does not let us, as in a container without any privilege."""
    try:
        path = disk.__enter__()
    except RuntimeError as error:
        pytest.skip(str(error))
    try:
        yield path
    finally:
        disk.__exit__(None, None, None)


def test_it_is_full_when_it_should_be(disk: AbstractContextManager[Path]) -> None:
    with disk as path:
        with pytest.raises(OSError, match="No space") as caught:
            (path / "big").write_bytes(bytes(4 * MIB))
        assert caught.value.errno == errno.ENOSPC
        assert (path / "big").stat().st_size == 2 * MIB
        (path / "big").unlink()
        (path / "small").write_bytes(bytes(MIB))
    assert not path.exists()


def test_it_goes_away_with_a_file_open_on_it(disk: AbstractContextManager[Path]) -> None:
    with disk as path:
        fd = os.open(path / "open", os.O_CREAT | os.O_RDWR)
    assert not path.exists()
    os.close(fd)
