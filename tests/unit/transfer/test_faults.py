import errno

import pytest

from glimpse.errors import GlimpseError, Invalid, NoSpace, Unavailable
from glimpse.transfer.faults import explain


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_no_space(number: int) -> None:
    error = explain(OSError(number, "it is full"), "writing to /x")
    assert type(error) is NoSpace
    assert error.message == "writing to /x: it is full"


def test_other_failures_of_the_system_may_pass() -> None:
    error = explain(PermissionError(errno.EACCES, "Permission denied"), "opening /x")
    assert type(error) is Unavailable
    assert error.message == "opening /x: Permission denied"


def test_anything_else_is_internal_but_keeps_its_words() -> None:
    cause = ValueError("strange")
    error = explain(cause, "computing")
    assert type(error) is GlimpseError
    assert error.message == "computing: strange"
    assert error.__cause__ is cause
    assert explain(KeyError(), "computing").message == "computing: KeyError"


def test_what_is_explained_already_stays() -> None:
    error = Invalid("as it is")
    assert explain(error, "whatever") is error
