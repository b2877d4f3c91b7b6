"""Headers as the gateway reads them."""

import pytest

from glimpse.api.errors import HttpError
from glimpse.api.heads import SINGLE, read


def test_names_and_values() -> None:
    assert read([], 10) == {}
    assert read([(b"host", b"x"), (b"accept", b"\xe4")], 10) == {"host": "x", "accept": "\xe4"}


def test_what_is_repeated_is_one_list_in_the_order_of_its_parts() -> None:
    raw = [(b"x-forwarded-for", b"a, b"), (b"host", b"x"), (b"x-forwarded-for", b"c")]
    assert read(raw, 10) == {"x-forwarded-for": "a, b, c", "host": "x"}


@pytest.mark.parametrize("name", sorted(SINGLE))
def test_what_there_is_one_of_is_refused_twice(name: str) -> None:
    with pytest.raises(HttpError, match=f"{name} is there twice") as caught:
        read([(name.encode(), b"x"), (name.encode(), b"x")], 10)
    assert caught.value.status == 400


def test_a_value_has_a_limit_together_with_its_repetitions() -> None:
    assert read([(b"a", b"x" * 10)], 10)
    for raw in ([(b"a", b"x" * 11)], [(b"a", b"x" * 5), (b"a", b"x" * 5)]):
        with pytest.raises(HttpError) as caught:
            read(raw, 10)
        assert caught.value.status == 431
