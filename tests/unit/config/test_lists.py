import contextlib
import io
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from oslo_config import iniparser

from glimpse.config.lists import join_list, join_pairs, split_list, split_pairs

# No word can hold both kinds of quotes, for want of an escape.
words = st.text(max_size=12).filter(lambda word: not ('"' in word and "'" in word))
keys = words.filter(lambda word: word.strip() != "")


@pytest.mark.parametrize(
    "text",
    [
        "a,b",
        " a , b ",
        "[a,b]",
        "[ 'a' , 'b' ]",
        "['a',\"b\"]",
        '["a", b]',
        "'a','b'",
        "a','b",  # what oslo.config makes of 'a','b'
        "a,b,",
        "a\nb",
        "[a,\nb]",
    ],
)
def test_lists_are_read_however_they_are_written(text: str) -> None:
    assert split_list(text) == ["a", "b"]


@pytest.mark.parametrize("text", ["", "  ", "[]", "[ ]", ",", "[,]"])
def test_an_empty_list_has_no_items(text: str) -> None:
    assert split_list(text) == []


def test_a_comma_in_quotes_is_part_of_the_item() -> None:
    assert split_list("['a, b', c]") == ["a, b", "c"]


def test_addresses_in_brackets_stay_whole() -> None:
    assert split_list("[::1],[fe80::2]") == ["[::1]", "[fe80::2]"]
    assert split_list("[[::1], [fe80::2]]") == ["[::1]", "[fe80::2]"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("['a, b]", "the quote before 'a, b' is never closed"),
        ("[a', b]", "the quote after 'a' was never opened"),
        ("[a, b", "the brackets of '[a' do not fit"),
        ("a, b]", "the brackets of 'b]' do not fit"),
        ("[it's, b]", 'the quotes of "it\'s" do not go around it'),
        ("['a' 'b']", "a comma is missing before \"'b'\""),
    ],
)
def test_quotes_that_do_not_fit_are_explained(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(problem)}$"):
        split_list(text)


@pytest.mark.parametrize(
    "text",
    [
        "p1:v1,p2:v2",
        " p1 : v1 , p2 : v2 ",
        '"p1":"v1","p2":"v2"',
        'p1":"v1","p2":"v2',  # what oslo.config makes of the line above
        "'p1':'v1','p2':'v2'",
        '"p1:v1","p2:v2"',
        'p1:"v1",p2:v2',
        "{p1: v1, p2: v2}",
        '{"p1": "v1", "p2": "v2"}',
        "p1:v1\np2:v2",
    ],
)
def test_pairs_are_read_however_they_are_written(text: str) -> None:
    assert split_pairs(text) == [("p1", "v1"), ("p2", "v2")]


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("a:b:c", [("a", "b:c")]),
        ("url:https://h:8443/x,b:c", [("url", "https://h:8443/x"), ("b", "c")]),
        ('"a":"b:c"', [("a", "b:c")]),
        ('"a":"b,c"', [("a", "b,c")]),
        ("a:it's mine,b:c", [("a", "it's mine"), ("b", "c")]),
        ("a:", [("a", "")]),
        ('a:""', [("a", "")]),
        ("", []),
        ("a:1,a:2", [("a", "1"), ("a", "2")]),
    ],
)
def test_values_keep_what_is_theirs(text: str, pairs: list[tuple[str, str]]) -> None:
    assert split_pairs(text) == pairs


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a", "'a' should be a pair, key:value"),
        (":b", "the value 'b' has no key before its colon"),
        ('a:"b', "the quote before 'b' is never closed"),
        ('"a":"b" c', "a comma is missing before 'c'"),
    ],
)
def test_what_is_not_a_pair_is_explained(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(problem)}$"):
        split_pairs(text)


@given(st.text())
@example("'")
@example('"\'"')
@example("[")
def test_any_text_is_read_or_refused_as_a_list(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert all(isinstance(item, str) for item in split_list(text))


@given(st.text())
def test_any_text_is_read_or_refused_as_pairs(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert all(key for key, _ in split_pairs(text))


@given(st.lists(words))
def test_a_list_comes_back_from_how_it_is_written(items: list[str]) -> None:
    assert split_list(join_list(items)) == items


@given(st.dictionaries(keys, words))
def test_pairs_come_back_from_how_they_are_written(pairs: dict[str, str]) -> None:
    assert dict(split_pairs(join_pairs(pairs))) == pairs


plain = st.text(st.characters(categories=["L", "N"], include_characters="_.-/ "), min_size=1, max_size=8)
plain = plain.map(str.strip).filter(bool)


@given(st.dictionaries(plain, plain, min_size=1), st.sampled_from(["", '"', "'"]))
def test_quoted_pairs_survive_the_parser_of_the_files(pairs: dict[str, str], quote: str) -> None:
    text = ",".join(f"{quote}{key}{quote}:{quote}{value}{quote}" for key, value in pairs.items())
    assert dict(split_pairs(_through_a_file(text))) == pairs


@given(st.lists(plain, min_size=1), st.sampled_from(["", '"', "'"]), st.booleans())
def test_quoted_lists_survive_the_parser_of_the_files(items: list[str], quote: str, brackets: bool) -> None:
    text = ", ".join(f"{quote}{item}{quote}" for item in items)
    assert split_list(_through_a_file(f"[{text}]" if brackets else text)) == items


def _through_a_file(text: str) -> str:
    class Parser(iniparser.BaseParser):
        def assignment(self, key: str, value: list[str]) -> None:
            self.found = "\n".join(value)

    parser = Parser()
    parser.parse(io.StringIO(f"option = {text}\n"))
    return parser.found
