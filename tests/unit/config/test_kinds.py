import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glimpse.config.kinds import Amount, Flag, Kind, Maybe, Network, Pairs, Place, Size, Text, Words


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Flag(), " True ", True),
        (Flag(), "off", False),
        (Amount(int, 1, 65535), "65535", 65535),
        (Amount(int, None, None), "-3", -3),
        (Amount(float, 0.1, None), "2.5", 2.5),
        (Amount(float, 1, None, or_zero=True), "0.0", 0.0),
        (Amount(float, 1, None, or_zero=True), "1", 1.0),
        (Size(), "1024", 1024),
        (Size(), "10GB", 10 << 30),
        (Size(), "3 kb", 3 << 10),
        (Text(choices=("raw", "qcow2")), "raw", "raw"),
        (Words(Amount(int, 1, 9)), "[1, '2']", [1, 2]),
        (Network(), "10.0.0.0/8", "10.0.0.0/8"),
        (Network(), " 10.0.5.9 ", "10.0.5.9/32"),
        (Network(), "FD00:0::/8", "fd00::/8"),
        (Words(Network()), "[0.0.0.0/0, ::/0]", ["0.0.0.0/0", "::/0"]),
        (Pairs(), "a:1,a:2", {"a": "2"}),
        (Maybe(Amount(int, 1, None)), "", None),
        (Maybe(Amount(int, 1, None)), "4", 4),
    ],
)
def test_texts_become_values(kind: Kind, text: str, value: object) -> None:
    assert kind(text) == value


@pytest.mark.parametrize(
    ("kind", "text", "problem"),
    [
        (Flag(), "maybe", "should be true or false"),
        (Amount(int, 1, 65535), "0", "should be a whole number from 1 to 65535"),
        (Amount(int, 1, None), "1.5", "should be a whole number, 1 or more"),
        (Amount(float, 0, None), "nan", "should be a number, 0 or more"),
        (Amount(float, 0, None), "inf", "should be a number, 0 or more"),
        (Amount(float, 1, None, or_zero=True), "0.5", "should be a number, 1 or more, or 0"),
        (Amount(float, 1, None, or_zero=True), "-1", "should be a number, 1 or more, or 0"),
        (Amount(float, 1, None, or_zero=True), "nan", "should be a number, 1 or more, or 0"),
        (Size(), "10 PB", "should be a number of bytes, with KB, MB, GB or TB where wished"),
        (Size(), "-1", "should be a number of bytes, with KB, MB, GB or TB where wished"),
        (
            Size(1 << 20),
            "1KB",
            "should be a number of bytes, with KB, MB, GB or TB where wished, at least 1048576",
        ),
        (Text(choices=("raw", "qcow2")), "vdmk", "should be one of raw, qcow2"),
        (Text(form=r"\d+", wanted="digits"), "x", "should be digits"),
        (Words(Amount(int, 1, 9)), "[1, 10]", "10 should be a whole number from 1 to 9"),
        (Pairs(unique=True), "a:1,b:1,a:2", "names a twice"),
        (Network(), "mirror.example", "should be a network such as 10.0.0.0/8 or fd00::/8, or one address"),
        (Network(), "10.0.0.0/33", "should be a network such as 10.0.0.0/8 or fd00::/8, or one address"),
        (Network(), "10.1.2.3/8", "begins in the middle; should it be 10.0.0.0/8?"),
        (Network(), "::ffff:10.0.0.0/104", "should be written as the IPv4 network that it means"),
        (Place(), "", "should be a path"),
    ],
)
def test_what_is_wrong_is_said(kind: Kind, text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(problem)}$"):
        kind(text)


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0"), (1, "1"), (1024, "1KB"), (1536, "1536"), (64 << 20, "64MB"), (1 << 40, "1TB")],
)
def test_sizes_are_written_in_their_largest_unit(size: int, text: str) -> None:
    assert Size().written(size) == text
    assert Size()(text) == size


@given(
    st.sampled_from(
        [
            Flag(),
            Amount(int, 0, 9),
            Amount(float, 0, 9),
            Size(),
            Place(),
            Text(),
            Words(Text()),
            Network(),
            Pairs(),
        ]
    ),
    st.text(),
)
def test_any_text_is_a_value_or_refused(kind: Kind, text: str) -> None:
    with contextlib.suppress(ValueError):
        kind(text)
