"""Static limits."""

from collections.abc import Callable

import pytest

from glimpse.access.limits import Limits
from glimpse.errors import TooLarge

LIMITS = Limits(properties=2, tags=2, size=10, members=2, locations=2)


def test_up_to_the_limit_is_allowed_and_one_more_is_not() -> None:
    LIMITS.check_properties(["a", "b"])
    LIMITS.check_tags(["a", "b", "b"])
    LIMITS.check_size(10)
    LIMITS.check_members(2)
    LIMITS.check_locations(2)
    checks: list[Callable[[], None]] = [
        lambda: LIMITS.check_properties(["a", "b", "c"]),
        lambda: LIMITS.check_tags(["a", "b", "c"]),
        lambda: LIMITS.check_size(11),
        lambda: LIMITS.check_members(3),
        lambda: LIMITS.check_locations(3),
    ]
    for check in checks:
        with pytest.raises(TooLarge):
            check()


def test_what_imports_write_does_not_count() -> None:
    LIMITS.check_properties(["a", "b", "os_glance_failed_import", "os_glance_importing_to_stores"])


def test_a_negative_limit_is_none() -> None:
    unlimited = Limits(properties=-1, tags=-1, size=10)
    unlimited.check_properties([str(n) for n in range(1000)])
    unlimited.check_tags([str(n) for n in range(1000)])
    unlimited.check_members(1000)
    unlimited.check_locations(1000)
