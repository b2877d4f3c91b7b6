"""What the operating system's errors become."""

import errno
import os
from pathlib import Path

import pytest

from glimpse.errors import GlimpseError, NoSpace, Unavailable
from glimpse.stores.errors import StoreDenied
from glimpse.stores.file.disk import copy_all, explain, write_all


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, NoSpace),
        (errno.EDQUOT, NoSpace),
        (errno.EFBIG, NoSpace),
        (errno.EACCES, StoreDenied),
        (errno.EROFS, StoreDenied),
        (errno.EIO, Unavailable),
        (errno.ESTALE, Unavailable),
    ],
    ids=lambda value: errno.errorcode[value] if isinstance(value, int) else "",
)
def test_an_error_says_what_failed_and_where(number: int, kind: type[GlimpseError]) -> None:
    error = explain(
        OSError(number, os.strerror(number), "/srv/images/x"), "Store 'main' cannot take the image"
    )
    assert type(error) is kind or isinstance(error, kind)
    assert error.message == f"Store 'main' cannot take the image: {os.strerror(number)} (/srv/images/x)."


def test_only_what_may_pass_by_itself_is_worth_a_retry() -> None:
    assert explain(OSError(errno.EIO, "x"), "x").retryable
    assert not explain(OSError(errno.EACCES, "x"), "x").retryable


def test_a_write_in_the_middle_leaves_the_rest_alone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    with path.open("r+b") as file:
        write_all(file.fileno(), memoryview(b"abc"), 4)
    assert path.read_bytes() == b"0123abc789"


def test_a_kernel_copy_gets_blocks_of_its_own(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    data = os.urandom(1 << 20)
    source.write_bytes(data)
    with source.open("r+b") as reading, target.open("w+b") as writing:
        copy_all(reading.fileno(), writing.fileno(), 0, len(data))
        reading.write(b"changed afterwards")
        os.fsync(writing.fileno())
    assert target.read_bytes() == data
    assert target.stat().st_blocks * 512 >= len(data)
