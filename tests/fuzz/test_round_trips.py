"""What one side writes the other reads as it was; and JSON of the right shape with whatever values."""

import bz2
import gzip
import json
import lzma
import string
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise

import lz4.frame
import pytest
from backports import zstd
from hypothesis import example, given
from hypothesis import strategies as st

from glimpse.api import filters, jsonbody, jsonpatch, paging
from glimpse.config import lists
from glimpse.errors import GlimpseError
from glimpse.transfer.decompress import decompressor, detect
from tests.fuzz.inputs import FUZZ
from tests.fuzz.parsers import PARSERS, Parser, framed

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstd.compress,
    "lz4": lz4.frame.compress,
}
KEYS = (
    "op", "path", "value", "add", "remove", "replace", "method", "name", "uri", "stores", "all_stores", "url", "metadata",
    "validation_data", "os_hash_algo", "os_hash_value", "checksum", "min_ram", "min_disk", "protected", "tags", "id",
    "visibility", "disk_format", "owner", "size", "locations", "stores", "os_glance_x", "colour", "",
)  # fmt: skip
WORDS = (
    "add",
    "remove",
    "replace",
    "/name",
    "/locations/-",
    "/locations/0",
    "/tags",
    "web-download",
    "http://a/b",
    "raw",
)
NUMBERS = st.one_of(st.integers(), st.sampled_from((10**400, -(10**400), 2**31, 2**63, 1e308)))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, st.floats(), st.text(max_size=20), st.sampled_from(WORDS)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.sampled_from(KEYS), st.text(max_size=5)), inner, max_size=6),
    ),
    max_leaves=12,
)
OF_JSON = (
    "JSON patch 2.1",
    "JSON patch 2.0",
    "change of an image",
    "new image",
    "import request",
    "known hash of a location",
)


@pytest.mark.parametrize("parser", [PARSERS[name] for name in OF_JSON], ids=OF_JSON)
@FUZZ
@given(value=VALUES)
@example(value={"min_ram": 10**400})
@example(value=[{"op": "add", "path": "/min_disk", "value": 10**400}])
def test_json_of_any_shape(parser: Parser, value: object) -> None:
    for shape in (value, [value], {"method": value}, [{"op": "add", "path": "/locations/-", "value": value}]):
        for body in (json.dumps(shape), json.dumps(shape, ensure_ascii=False)):
            with suppress(*parser.errors):
                parser.read(body.encode(errors="surrogatepass"))


WITHOUT_BOTH_QUOTES = st.text(max_size=20).filter(lambda text: not {'"', "'"} <= set(text))
LINE = st.text(st.characters(exclude_characters="\r\n"), max_size=20)


@FUZZ
@given(items=st.lists(WITHOUT_BOTH_QUOTES, max_size=6))
def test_lists_of_options(items: list[str]) -> None:
    assert lists.split_list(lists.join_list(items)) == items


@FUZZ
@given(values=st.lists(st.text(max_size=20), min_size=1, max_size=6))
def test_values_in_quotes(values: list[str]) -> None:
    assert filters.values(filters.quoted(values)) == tuple(values)


@FUZZ
@given(name=st.text(min_size=1, max_size=20))
def test_names_in_pointers(name: str) -> None:
    pointer = "/" + name.replace("~", "~0").replace("/", "~1")
    (change,) = jsonpatch.parse_v21([{"op": "remove", "path": pointer}])
    assert change.path == (name,)


@FUZZ
@given(pairs=st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8)), max_size=6))
def test_the_first_page_is_asked_for_as_this_one_was(pairs: list[tuple[str, str]]) -> None:
    kept = [(name, value) for name, value in pairs if name != "marker"]
    try:
        link = paging.links(pairs, None)["first"]
        again = paging.parameters(link.partition("?")[2].encode())
    except UnicodeEncodeError:
        return  # No client can send half a character.
    except GlimpseError:
        with pytest.raises(GlimpseError):
            jsonbody.check_text("".join(part for pair in kept for part in pair), "it")
        return
    assert again == kept


@pytest.mark.parametrize("name", PACKERS)
@FUZZ
@given(
    parts=st.lists(st.binary(max_size=2000), min_size=1, max_size=4),
    cuts=st.lists(st.integers(0, 3000), max_size=8),
)
def test_packed_parts_that_come_in_any_pieces(name: str, parts: list[bytes], cuts: list[int]) -> None:
    packed = b"".join(PACKERS[name](part) for part in parts)
    assert detect(packed) == name
    ends = [0, *sorted(min(cut, len(packed)) for cut in cuts), len(packed)]
    pieces = [packed[start:end] for start, end in pairwise(ends)]
    assert b"".join(bytes(piece) for piece in decompressor(name).decompress(pieces)) == b"".join(parts)


EXTENSION = st.text(string.ascii_letters + string.digits + '=;"', max_size=10)


@FUZZ
@given(chunks=st.lists(st.tuples(st.binary(min_size=1, max_size=300), EXTENSION), max_size=6))
def test_chunked_bodies(chunks: list[tuple[bytes, str]]) -> None:
    body = b"".join(f"{len(data):X};{extension}\r\n".encode() + data + b"\r\n" for data, extension in chunks)
    said = b"Transfer-Encoding: Chunked\n\n" + body + b"0\r\nTrailer: x\r\n\r\n"
    assert framed(said) == sum(len(data) for data, _ in chunks)
