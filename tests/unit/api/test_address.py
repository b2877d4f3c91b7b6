"""Names to listen on."""

import pytest

from glimpse.api.address import listen_address
from glimpse.errors import Invalid


@pytest.mark.parametrize(
    ("host", "address"),
    [("localhost", "127.0.0.1"), ("127.0.0.2", "127.0.0.2"), ("::1", "::1"), ("::", "::")],
)
def test_a_name_is_listened_on_by_its_address(host: str, address: str) -> None:
    assert listen_address(host) == address


def test_a_name_that_nobody_knows_is_told() -> None:
    with pytest.raises(Invalid, match=r"\[DEFAULT\] bind_host: no-such-name\.invalid cannot be resolved"):
        listen_address("no-such-name.invalid")
